-- purpose: the largest tables, TOAST tables and btree indexes with what an estimate of their bloat is made of, a row per column
-- minimum version: 14
-- grant: SELECT on the tables (or pg_read_all_data), because column statistics are shown only with it; else install pgstattuple, which pg_monitor may use
-- cadence: every hour
-- scope: database
WITH large AS MATERIALIZED (
    SELECT
        c.oid AS relid, COALESCE(i.indrelid, o.oid, c.oid) AS table_relid, c.relkind,
        COALESCE(h.relnamespace, o.relnamespace, c.relnamespace) AS space, c.relname AS relation_name,
        COALESCE(h.relname, o.relname, c.relname) AS table_name,
        c.relpages, c.reltuples, c.relallvisible,
        (
            SELECT pg_catalog.split_part(f.option, '=', 2)::pg_catalog.int8
            FROM pg_catalog.unnest(c.reloptions) AS f (option) WHERE f.option LIKE 'fillfactor=%'
        ) AS fillfactor,
        i.indkey::pg_catalog.int2[] AS index_columns,
        -- equal keys share one entry: not in unique indexes, not with INCLUDE, not of every type
        NOT i.indisunique AND i.indnatts = i.indnkeyatts
        AND NOT COALESCE('deduplicate_items=off' = ANY (c.reloptions), false)
        AND NOT EXISTS (
            SELECT FROM pg_catalog.unnest(i.indclass) AS k (oid)
            JOIN pg_catalog.pg_opclass AS q ON q.oid = k.oid
            WHERE NOT EXISTS (
                SELECT FROM pg_catalog.pg_amproc AS r
                WHERE r.amprocfamily = q.opcfamily AND r.amproclefttype = q.opcintype AND r.amprocnum = 4
            )
        ) AS shares_entries
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
    LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
    LEFT JOIN pg_catalog.pg_class AS h ON h.oid = i.indrelid
    LEFT JOIN pg_catalog.pg_class AS o ON o.reltoastrelid = c.oid AND c.relkind = 't'
    WHERE (c.relkind IN ('r', 'm', 't') AND m.amname = 'heap' OR c.relkind = 'i' AND m.amname = 'btree')
        AND (c.relpersistence = 'p' OR c.relpersistence = 'u' AND NOT pg_catalog.pg_is_in_recovery())
        AND (i.indexrelid IS NULL OR i.indisvalid AND i.indisready)
        AND c.relpages >= 128
    ORDER BY c.relpages DESC, c.oid
    LIMIT 500
)
SELECT /* perf-pipeline */
    l.relid::pg_catalog.int8 AS relid, l.table_relid::pg_catalog.int8 AS table_relid,
    CASE l.relkind WHEN 'r' THEN 'table' WHEN 'm' THEN 'materialized view' WHEN 't' THEN 'toast' ELSE 'index' END AS kind,
    n.nspname AS schema_name, l.table_name, l.relation_name,
    pg_catalog.current_setting('block_size')::pg_catalog.int8 AS block_bytes,
    l.relpages::pg_catalog.int8 AS relpages, l.reltuples::pg_catalog.float8 AS reltuples,
    l.relallvisible::pg_catalog.int8 AS relallvisible, l.fillfactor, COALESCE(l.shares_entries, false) AS shares_entries,
    NOT pg_catalog.has_any_column_privilege(l.table_relid, 'SELECT') AS is_hidden,
    a.attnum::pg_catalog.int8 AS position, a.attlen::pg_catalog.int8 AS length, a.attalign::pg_catalog.text AS alignment,
    s.avg_width::pg_catalog.int8 AS avg_width, s.null_frac::pg_catalog.float8 AS null_frac,
    s.n_distinct::pg_catalog.float8 AS n_distinct
FROM large AS l
JOIN pg_catalog.pg_namespace AS n ON n.oid = l.space
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = l.relid AND a.attnum > 0 AND NOT a.attisdropped
-- the statistics of an index's column are those of the table's, unless it is an expression
LEFT JOIN pg_catalog.pg_attribute AS t
    ON l.relkind = 'i' AND t.attrelid = l.table_relid AND t.attnum = l.index_columns[a.attnum - 1] AND t.attnum > 0
-- one by one, by the index on names: joined, the whole view would be compared with each column
LEFT JOIN LATERAL (
    SELECT v.avg_width, v.null_frac, v.n_distinct
    FROM pg_catalog.pg_stats AS v
    WHERE l.relkind <> 't' AND NOT v.inherited AND v.schemaname = n.nspname
        AND v.tablename = CASE WHEN t.attname IS NULL THEN l.relation_name ELSE l.table_name END
        AND v.attname = COALESCE(t.attname, a.attname)
    OFFSET 0
) AS s ON true
ORDER BY l.relid, a.attnum
