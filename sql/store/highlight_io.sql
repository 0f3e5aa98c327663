-- purpose: who read and wrote most of what, on a target's server in a span
-- minimum version: 14
WITH holder AS (
    SELECT s.server_target_id AS target_id FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
    ORDER BY s.ts DESC
    LIMIT 1
),
io AS (
    SELECT
        i.backend_type, i.object, i.context,
        coalesce(sum(i.read_bytes), 0)::bigint AS read_bytes,
        coalesce(sum(i.write_bytes), 0)::bigint + coalesce(sum(i.extend_bytes), 0)::bigint AS written_bytes,
        sum(i.hits)::bigint AS hits,
        sum(i.read_time) AS read_ms,
        sum(i.write_time) AS write_ms
    FROM holder AS h
    JOIN ledger.io AS i USING (target_id)
    WHERE i.ts > %(start)s AND i.ts <= %(finish)s
    GROUP BY i.backend_type, i.object, i.context
)
SELECT
    i.*,
    (sum(i.read_bytes) OVER ())::bigint AS all_read_bytes,
    (sum(i.written_bytes) OVER ())::bigint AS all_written_bytes
FROM io AS i
ORDER BY i.read_bytes + i.written_bytes DESC, i.backend_type, i.object, i.context
LIMIT %(most)s
