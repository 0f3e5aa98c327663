-- purpose: what each index is used for, a partitioned one as a whole (O-24)
-- minimum version: 14
SELECT /* perf-pipeline */
    root.relname AS index_name,
    parent.relname AS table_name,
    sum(s.idx_scan)::bigint AS scans,
    sum(s.idx_tup_read)::bigint AS entries_read,
    sum(s.idx_tup_fetch)::bigint AS rows_fetched,
    sum(pg_relation_size(s.indexrelid))::bigint AS size_bytes,
    CASE
        WHEN sum(s.idx_tup_read) > 0 THEN 'ACTIVE'
        WHEN sum(s.idx_scan) > 0 THEN 'FOUND_NOTHING'
        WHEN bool_or(i.indisunique OR i.indisexclusion) THEN 'CONSTRAINT'  -- works without a scan
        ELSE 'UNUSED'
    END AS status
FROM pg_catalog.pg_stat_user_indexes AS s
JOIN pg_catalog.pg_index AS i ON i.indexrelid = s.indexrelid
JOIN pg_catalog.pg_class AS root ON root.oid = coalesce(pg_partition_root(s.indexrelid), s.indexrelid)
JOIN pg_catalog.pg_class AS parent ON parent.oid = coalesce(pg_partition_root(s.relid), s.relid)
WHERE s.schemaname = 'omninode'
GROUP BY root.relname, parent.relname
ORDER BY scans, size_bytes DESC, index_name
