-- purpose: when a PoWA repository took its snapshots of a server (from the sums by database, which are few)
-- minimum version: 14
-- extension: powa 4.1 to 5.2
-- grant: SELECT on the tables of the PoWA repository
SELECT /* perf-pipeline */ DISTINCT (s.record).ts AS ts
FROM (
    SELECT pg_catalog.unnest(h.records) AS record
    FROM {schema}.powa_statements_history_db AS h
    WHERE h.srvid = %(srvid)s
    UNION ALL
    SELECT c.record
    FROM {schema}.powa_statements_history_current_db AS c
    WHERE c.srvid = %(srvid)s
) AS s
ORDER BY 1
