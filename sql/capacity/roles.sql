-- purpose: names of the roles that statements are counted for
-- minimum version: 14
-- cadence: every day
-- scope: instance
SELECT /* perf-pipeline */ r.oid::pg_catalog.int8 AS userid, r.rolname::pg_catalog.text AS name
FROM pg_catalog.pg_roles AS r
ORDER BY r.rolname
