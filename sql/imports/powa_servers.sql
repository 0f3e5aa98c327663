-- purpose: the servers a PoWA repository has a history of
-- minimum version: 14
-- extension: powa 4.1 to 5.2
-- grant: SELECT on the tables of the PoWA repository
SELECT /* perf-pipeline */
    s.id, coalesce(s.alias, s.hostname) AS name, s.hostname, s.port, s.version
FROM {schema}.powa_servers AS s
WHERE EXISTS (SELECT FROM {schema}.powa_statements_history_db AS h WHERE h.srvid = s.id)
    OR EXISTS (SELECT FROM {schema}.powa_statements_history_current_db AS c WHERE c.srvid = s.id)
ORDER BY s.id
