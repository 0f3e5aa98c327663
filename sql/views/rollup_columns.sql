-- purpose: the columns of a relation with their types
-- minimum version: 14
SELECT /* perf-pipeline */ a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = %(relation)s::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
