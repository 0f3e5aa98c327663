-- purpose: WAL of a target's server in a span
-- minimum version: 14
WITH holder AS (
    SELECT s.server_target_id AS target_id FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
    ORDER BY s.ts DESC
    LIMIT 1
)
SELECT
    sum(w.wal_bytes)::bigint AS wal_bytes,
    sum(w.wal_records)::bigint AS wal_records,
    sum(w.wal_fpi)::bigint AS wal_full_pages,
    sum(w.wal_buffers_full)::bigint AS wal_buffers_full
FROM holder AS h
JOIN ledger.wal AS w USING (target_id)
WHERE w.ts > %(start)s AND w.ts <= %(finish)s
