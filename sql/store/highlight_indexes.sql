-- purpose: the indexes with most scans in a span
-- minimum version: 14
WITH indexes AS (
    SELECT
        i.schema_name || '.' || i.index_name AS index,
        i.schema_name || '.' || i.table_name AS "table",
        sum(i.idx_scan)::bigint AS scans,
        sum(i.idx_tup_read)::bigint AS entries_read,
        sum(i.idx_tup_fetch)::bigint AS rows_fetched,
        (pg_catalog.array_agg(i.relpages ORDER BY i.ts DESC))[1] AS pages
    FROM ledger.indexes AS i
    WHERE i.target_id = %(target_id)s AND i.ts > %(start)s AND i.ts <= %(finish)s
    GROUP BY i.indexrelid, 1, 2
)
SELECT
    i.index, i."table", i.scans, i.entries_read, i.rows_fetched,
    i.rows_fetched::float8 / nullif(i.entries_read, 0) AS fetched_share, i.pages,
    (sum(i.scans) OVER ())::bigint AS all_scans
FROM indexes AS i
ORDER BY i.scans DESC, i.index
LIMIT %(most)s
