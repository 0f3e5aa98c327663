-- purpose: blocks read and found in memory, of each table, its TOAST and each of its indexes; a row for each, so that a dropped index takes nothing out of a sum
-- minimum version: 14
-- cadence: every 15 minutes
WITH owned AS (
    SELECT
        c.oid AS relid, c.reltoastrelid, n.nspname AS schema_name, c.relname AS table_name
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
        AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
),
parts AS (
    SELECT o.relid AS part_relid, 'table' AS part, o.relid, o.schema_name, o.table_name, NULL AS index_name
    FROM owned AS o
    UNION ALL
    SELECT i.indexrelid, 'index', o.relid, o.schema_name, o.table_name, x.relname
    FROM owned AS o
    JOIN pg_catalog.pg_index AS i ON i.indrelid = o.relid
    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    UNION ALL
    SELECT o.reltoastrelid, 'toast', o.relid, o.schema_name, o.table_name, NULL
    FROM owned AS o WHERE o.reltoastrelid <> 0
    UNION ALL
    SELECT i.indexrelid, 'toast index', o.relid, o.schema_name, o.table_name, NULL
    FROM owned AS o
    JOIN pg_catalog.pg_index AS i ON i.indrelid = o.reltoastrelid
    WHERE o.reltoastrelid <> 0
)
SELECT /* perf-pipeline */
    p.part_relid, p.relid, p.schema_name, p.table_name, p.part, p.index_name,
    pg_catalog.pg_stat_get_blocks_fetched(p.part_relid)
    - pg_catalog.pg_stat_get_blocks_hit(p.part_relid) AS blocks_read,
    pg_catalog.pg_stat_get_blocks_hit(p.part_relid) AS blocks_hit
FROM parts AS p
