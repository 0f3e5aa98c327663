-- purpose: the tables with most rows read and written in a span
-- minimum version: 14
WITH tables AS (
    SELECT
        t.schema_name || '.' || t.table_name AS "table",
        sum(t.seq_scan)::bigint AS seq_scans,
        sum(t.seq_tup_read)::bigint AS seq_rows,
        sum(t.idx_scan)::bigint AS index_scans,
        sum(t.idx_tup_fetch)::bigint AS index_rows,
        sum(t.n_tup_ins + t.n_tup_upd + t.n_tup_del)::bigint AS rows_written,
        (pg_catalog.array_agg(t.n_dead_tup ORDER BY t.ts DESC))[1] AS dead_rows,
        (pg_catalog.array_agg(t.n_live_tup ORDER BY t.ts DESC))[1] AS live_rows,
        (pg_catalog.array_agg(t.relpages + t.toast_pages + t.index_pages ORDER BY t.ts DESC))[1] AS total_pages,
        pg_catalog.max(t.last_vacuum) AS last_vacuum,
        pg_catalog.max(t.last_analyze) AS last_analyze
    FROM ledger.tables AS t
    WHERE t.target_id = %(target_id)s AND t.ts > %(start)s AND t.ts <= %(finish)s
    GROUP BY t.relid, 1
)
SELECT
    t."table", t.seq_scans, t.seq_rows, t.index_scans, t.index_rows, t.rows_written, t.dead_rows,
    t.dead_rows::float8 / nullif(t.dead_rows + t.live_rows, 0) AS dead_share,
    t.total_pages, t.last_vacuum, t.last_analyze,
    (sum(t.seq_rows) OVER ())::bigint AS all_seq_rows,
    (sum(t.rows_written) OVER ())::bigint AS all_rows_written
FROM tables AS t
ORDER BY t.seq_rows + t.index_rows + t.rows_written DESC, t."table"
LIMIT %(most)s
