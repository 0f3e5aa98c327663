-- purpose: the tables and indexes that waste most, each as it was found last in two days
-- minimum version: 14
-- hot only: the hour, or the week, before a sweep that was just taken
SELECT
    b.ts AS seen, b.relation, b.kind, b.method, b.total_bytes, b.wasted_bytes,
    100.0 * b.wasted_bytes / nullif(b.total_bytes, 0) AS wasted_percent, b.dead_bytes,
    (sum(b.wasted_bytes) OVER ())::bigint AS all_wasted,
    (sum(b.total_bytes) OVER ())::bigint AS all_bytes,
    count(*) FILTER (WHERE b.method = 'estimate') OVER () AS all_estimated
FROM (
    SELECT DISTINCT ON (b.relid)
        b.ts, b.schema_name || '.' || CASE b.kind WHEN 'toast' THEN b.table_name ELSE b.relation_name END AS relation,
        b.kind, b.method, b.total_bytes, b.wasted_bytes, b.dead_bytes
    FROM ledger.bloat AS b
    WHERE b.target_id = %(target_id)s
        AND b.ts > %(finish)s::timestamptz - INTERVAL '2 days' AND b.ts <= %(finish)s
    ORDER BY b.relid, b.ts DESC
) AS b
ORDER BY b.wasted_bytes DESC, b.relation
LIMIT %(most)s
