-- purpose: between which tables relationships lead, with how many; archived ones do not count
-- minimum version: 14
-- cadence: each look for orphans
-- scope: database
SELECT /* perf-pipeline */
    r.{source_table}::pg_catalog.text AS source_table, r.{target_table}::pg_catalog.text AS target_table,
    count(*) AS relationships
FROM {links} AS r
WHERE r.{archived} IS NOT TRUE
GROUP BY 1, 2
ORDER BY 1, 2
