-- purpose: the databases of a server that a PoWA repository has a history of, and how many statements
-- minimum version: 14
-- extension: powa 4.1 to 5.2
-- grant: SELECT on the tables of the PoWA repository
SELECT /* perf-pipeline */
    d.oid::bigint AS dbid, d.datname::text AS name,
    (SELECT count(*) FROM {schema}.powa_statements AS p WHERE p.srvid = d.srvid AND p.dbid = d.oid) AS statements
FROM {schema}.powa_databases AS d
WHERE d.srvid = %(srvid)s
    AND (
        EXISTS (
            SELECT FROM {schema}.powa_statements_history_db AS h
            WHERE h.srvid = d.srvid AND h.dbid = d.oid
        )
        OR EXISTS (
            SELECT FROM {schema}.powa_statements_history_current_db AS c
            WHERE c.srvid = d.srvid AND c.dbid = d.oid
        )
    )
ORDER BY d.oid
