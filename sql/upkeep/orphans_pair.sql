-- purpose: relationships between two tables that are wrong, by kind and class, with their ages; one row each
-- minimum version: 14
-- cadence: each look for orphans
-- scope: database
WITH kinds AS MATERIALIZED (
    SELECT k.name, k.active, k.source_tables, k.target_tables
    FROM pg_catalog.jsonb_to_recordset(%(kinds)s::pg_catalog.jsonb) AS k (
        name pg_catalog.text, active pg_catalog.bool, source_tables pg_catalog.text[], target_tables pg_catalog.text[]
    )
), judged AS (
    SELECT
        r.{type_column}::pg_catalog.text AS kind,
        EXTRACT(EPOCH FROM pg_catalog.now() - r.{created_at})::pg_catalog.float8 / 86400.0 AS age_days,
        CASE
            WHEN NOT %(source_known)s::pg_catalog.bool OR NOT %(target_known)s::pg_catalog.bool THEN 'unknown_table'
            WHEN s.id IS NULL AND t.id IS NULL THEN 'missing_both'
            WHEN s.id IS NULL THEN 'missing_source'
            WHEN t.id IS NULL THEN 'missing_target'
            WHEN s.archived OR t.archived THEN 'archived_parent'
            WHEN k.name IS NULL THEN 'undeclared_kind'
            WHEN NOT k.active THEN 'inactive_kind'
            WHEN NOT %(source_table)s::pg_catalog.text = ANY (k.source_tables)
                OR NOT %(target_table)s::pg_catalog.text = ANY (k.target_tables) THEN 'unlisted_table'
        END AS class
    FROM {links} AS r
    LEFT JOIN {sources} AS s ON s.id = r.{source_id}
    LEFT JOIN {targets} AS t ON t.id = r.{target_id}
    LEFT JOIN kinds AS k ON k.name = r.{type_column}::pg_catalog.text
    WHERE r.{archived} IS NOT TRUE
        AND {source_is} AND {target_is}
)
SELECT /* perf-pipeline */
    %(source_table)s::pg_catalog.text AS source_table, %(target_table)s::pg_catalog.text AS target_table,
    j.kind, j.class, count(*) AS orphans,
    min(j.age_days) AS newest_days, max(j.age_days) AS oldest_days, avg(j.age_days) AS mean_days,
    count(*) FILTER (WHERE j.age_days > 30.0) AS older_than_30_days,
    count(*) FILTER (WHERE j.age_days > 7.0) AS older_than_7_days
FROM judged AS j
WHERE j.class IS NOT NULL
GROUP BY j.kind, j.class
ORDER BY j.kind, j.class
