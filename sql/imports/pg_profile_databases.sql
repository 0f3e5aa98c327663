-- purpose: the databases of a server that a pg_profile repository has statements of
-- minimum version: 14
-- extension: pg_profile 4.0 to 4.11
-- grant: none: pg_profile lets everybody read its samples
SELECT /* perf-pipeline */ t.datid::bigint AS dbid, max(d.datname::text) AS name, max(t.statements) AS statements
FROM {schema}.sample_statements_total AS t
JOIN {schema}.sample_stat_database AS d USING (server_id, sample_id, datid)
WHERE t.server_id = %(server_id)s
GROUP BY t.datid
ORDER BY t.datid
