-- purpose: tables of our publication, by the names they were published with
-- minimum version: 14
SELECT /* perf-pipeline */ p.pubname AS publication, r.prrelid::oid::bigint AS oid, r.prrelid::regclass::text AS table_name
FROM pg_catalog.pg_publication AS p
LEFT JOIN pg_catalog.pg_publication_rel AS r ON r.prpubid = p.oid
WHERE p.pubname = %(publication)s::text
ORDER BY r.prrelid
