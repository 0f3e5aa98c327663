-- purpose: checkpoints of a target's server in a span, and who wrote its buffers
-- minimum version: 14
WITH holder AS (
    SELECT s.server_target_id AS target_id FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
    ORDER BY s.ts DESC
    LIMIT 1
)
SELECT
    sum(c.checkpoints_timed)::bigint AS checkpoints_timed,
    sum(c.checkpoints_requested)::bigint AS checkpoints_requested,
    sum(c.checkpoint_write_time + c.checkpoint_sync_time) AS checkpoint_ms,
    sum(c.buffers_checkpoint)::bigint AS buffers_written_by_checkpoints,
    sum(c.buffers_clean)::bigint AS buffers_written_in_background,
    sum(c.buffers_backend)::bigint AS buffers_written_by_sessions
FROM holder AS h
JOIN ledger.checkpointer AS c USING (target_id)
WHERE c.ts > %(start)s AND c.ts <= %(finish)s
