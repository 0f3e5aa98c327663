-- purpose: checkpoints and buffers written by the background processes, in one row each: they are reset apart from 17 on
-- minimum version: 14
-- cadence: every sweep
-- scope: instance
SELECT /* perf-pipeline */
    p.process,
    CASE WHEN p.checkpoints THEN b.checkpoints_timed END AS checkpoints_timed,
    CASE WHEN p.checkpoints THEN b.checkpoints_req END AS checkpoints_requested,
    NULL::pg_catalog.int8 AS checkpoints_done,
    NULL::pg_catalog.int8 AS restartpoints_timed,
    NULL::pg_catalog.int8 AS restartpoints_requested,
    NULL::pg_catalog.int8 AS restartpoints_done,
    CASE WHEN p.checkpoints THEN b.checkpoint_write_time END AS checkpoint_write_time,
    CASE WHEN p.checkpoints THEN b.checkpoint_sync_time END AS checkpoint_sync_time,
    CASE WHEN p.checkpoints THEN b.buffers_checkpoint END AS buffers_checkpoint,
    NULL::pg_catalog.int8 AS slru_checkpoint,
    CASE WHEN NOT p.checkpoints THEN b.buffers_clean END AS buffers_clean,
    CASE WHEN NOT p.checkpoints THEN b.maxwritten_clean END AS maxwritten_clean,
    CASE WHEN NOT p.checkpoints THEN b.buffers_alloc END AS buffers_alloc,
    CASE WHEN NOT p.checkpoints THEN b.buffers_backend END AS buffers_backend,
    CASE WHEN NOT p.checkpoints THEN b.buffers_backend_fsync END AS buffers_backend_fsync,
    b.stats_reset AS stats_since
FROM pg_catalog.pg_stat_bgwriter AS b,
    (VALUES ('checkpointer', true), ('background writer', false)) AS p (process, checkpoints)
