-- purpose: WAL files that a target's server archived, and failed to, in a span
-- minimum version: 14
WITH holder AS (
    SELECT s.server_target_id AS target_id FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
    ORDER BY s.ts DESC
    LIMIT 1
)
SELECT
    sum(a.archived_count)::bigint AS wal_files_archived,
    sum(a.failed_count)::bigint AS wal_files_failed
FROM holder AS h
JOIN ledger.archiver AS a USING (target_id)
WHERE a.ts > %(start)s AND a.ts <= %(finish)s
