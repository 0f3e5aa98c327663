-- purpose: the kinds of relationships that a table declares
-- minimum version: 14
-- cadence: each look for orphans
-- scope: database
SELECT /* perf-pipeline */
    k.relationship_type::pg_catalog.text AS name, k.valid_source_tables::pg_catalog.text[] AS source_tables,
    k.valid_target_tables::pg_catalog.text[] AS target_tables, k.is_active AS active
FROM {kinds_table} AS k
ORDER BY 1
