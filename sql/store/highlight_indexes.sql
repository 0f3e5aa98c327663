-- purpose: the indexes with most scans in a span
-- minimum version: 14
WITH indexes AS (
    SELECT
        i.schema_name || '.' || i.index_name AS index,
        i.schema_name || '.' || i.table_name AS "table",
        sum(i.idx_scan)::bigint AS scans,
        sum(i.idx_tup_read)::bigint AS entries_read,
        (pg_catalog.array_agg(i.relpages ORDER BY i.ts DESC))[1] AS pages
    FROM ledger.indexes AS i
    WHERE i.target_id = %(target_id)s AND i.ts > %(start)s AND i.ts <= %(finish)s
    GROUP BY i.indexrelid, 1, 2
)
SELECT i.*, (sum(i.scans) OVER ())::bigint AS all_scans
FROM indexes AS i
ORDER BY i.scans DESC, i.index
LIMIT %(most)s
