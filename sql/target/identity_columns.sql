-- purpose: identity columns of some tables and the sequence behind each
-- minimum version: 14
SELECT
    n.nspname AS schema_name,
    r.relname AS table_name,
    a.attname AS column_name,
    pg_get_serial_sequence(format('%%I.%%I', n.nspname, r.relname), a.attname) AS sequence_name
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS r ON r.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
WHERE a.attrelid = ANY (%(tables)s::regclass[]) AND a.attidentity <> '' AND NOT a.attisdropped
ORDER BY n.nspname, r.relname
