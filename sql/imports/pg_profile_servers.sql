-- purpose: the servers a pg_profile repository has samples of
-- minimum version: 14
-- extension: pg_profile 4.0 to 4.11
-- grant: none: pg_profile lets everybody read its samples
SELECT /* perf-pipeline */ s.server_id AS id, s.server_name::text AS name
FROM {schema}.servers AS s
WHERE EXISTS (SELECT FROM {schema}.samples AS p WHERE p.server_id = s.server_id)
ORDER BY s.server_id
