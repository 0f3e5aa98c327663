-- purpose: function monitoring.analyze_index_usage: what each index is read for, the most used first (T-43)
-- minimum version: 14
-- Rows fetched are of plain index scans alone: a bitmap or index-only scan reads entries and fetches none.
CREATE OR REPLACE FUNCTION monitoring.analyze_index_usage()
RETURNS TABLE (
    schema_name name,
    table_name name,
    index_name name,
    scans bigint,
    entries_read bigint,
    rows_fetched bigint,
    fetched_share double precision,
    size_bytes bigint
)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        s.schemaname, s.relname, s.indexrelname, s.idx_scan, s.idx_tup_read, s.idx_tup_fetch,
        s.idx_tup_fetch::double precision / nullif(s.idx_tup_read, 0),
        pg_relation_size(s.indexrelid)
    FROM pg_stat_user_indexes AS s
    ORDER BY s.idx_scan DESC, s.idx_tup_read DESC, s.schemaname, s.indexrelname
$$;
COMMENT ON FUNCTION monitoring.analyze_index_usage() IS
    'One row per index, the most used first; the share of entries read whose row was fetched is NULL where none was read.';
