-- purpose: the tables of which most blocks had to be read in a span, their TOAST and indexes included
-- minimum version: 14
WITH tables AS (
    SELECT
        t.schema_name || '.' || t.table_name AS "table",
        (sum(t.blocks_read) FILTER (WHERE t.part = 'table'))::bigint AS table_blocks_read,
        (sum(t.blocks_read) FILTER (WHERE t.part = 'index'))::bigint AS index_blocks_read,
        (sum(t.blocks_read) FILTER (WHERE t.part LIKE 'toast%%'))::bigint AS toast_blocks_read,
        sum(t.blocks_read)::bigint AS blocks_read,
        sum(t.blocks_hit)::bigint AS blocks_hit
    FROM ledger.table_io AS t
    WHERE t.target_id = %(target_id)s AND t.ts > %(start)s AND t.ts <= %(finish)s
    GROUP BY t.relid, 1
)
SELECT
    t."table", t.table_blocks_read, t.index_blocks_read, t.toast_blocks_read,
    t.blocks_hit::float8 / nullif(t.blocks_hit + t.blocks_read, 0) AS hit_share,
    (sum(t.blocks_read) OVER ())::bigint AS all_blocks_read
FROM tables AS t
WHERE t.blocks_read > 0
ORDER BY t.blocks_read DESC, t."table"
LIMIT %(most)s
