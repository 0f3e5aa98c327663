-- purpose: checkpoints and buffers written by the background processes, in one row each: they are reset apart from 17 on
-- minimum version: 17
-- cadence: every sweep
-- scope: instance
SELECT /* perf-pipeline */
    'checkpointer' AS process,
    c.num_timed AS checkpoints_timed, c.num_requested AS checkpoints_requested,
    NULL::pg_catalog.int8 AS checkpoints_done,
    c.restartpoints_timed, c.restartpoints_req AS restartpoints_requested, c.restartpoints_done,
    c.write_time AS checkpoint_write_time, c.sync_time AS checkpoint_sync_time,
    c.buffers_written AS buffers_checkpoint,
    NULL::pg_catalog.int8 AS slru_checkpoint,
    NULL::pg_catalog.int8 AS buffers_clean, NULL::pg_catalog.int8 AS maxwritten_clean,
    NULL::pg_catalog.int8 AS buffers_alloc,
    NULL::pg_catalog.int8 AS buffers_backend, NULL::pg_catalog.int8 AS buffers_backend_fsync,
    c.stats_reset AS stats_since
FROM pg_catalog.pg_stat_checkpointer AS c
UNION ALL
SELECT
    'background writer', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    b.buffers_clean, b.maxwritten_clean, b.buffers_alloc, NULL, NULL, b.stats_reset
FROM pg_catalog.pg_stat_bgwriter AS b
