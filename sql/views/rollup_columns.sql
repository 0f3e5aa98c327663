-- purpose: the columns of a relation with their types
-- minimum version: 14
-- `not_null`: written bare it cannot be NULL; from 18 on NOT NULL may be a promise that was not tested yet
SELECT /* perf-pipeline */
    a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AND pg_catalog.quote_ident(a.attname) = a.attname AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid = a.attrelid AND c.contype = 'n' AND c.conkey = ARRAY[a.attnum] AND NOT c.convalidated
    ) AS not_null
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = %(relation)s::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
