-- purpose: checkpoints and buffers written by a server's background processes, one row each, between two sweeps; NULL: not this process's, or not counted by this version
-- minimum version: 14
CREATE TABLE ledger.checkpointer (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    process text NOT NULL,
    quality ledger.quality NOT NULL,
    checkpoints_timed bigint,
    checkpoints_requested bigint,
    checkpoints_done bigint,
    restartpoints_timed bigint,
    restartpoints_requested bigint,
    restartpoints_done bigint,
    checkpoint_write_time double precision,
    checkpoint_sync_time double precision,
    buffers_checkpoint bigint,
    slru_checkpoint bigint,
    buffers_clean bigint,
    maxwritten_clean bigint,
    buffers_alloc bigint,
    buffers_backend bigint,
    buffers_backend_fsync bigint
) PARTITION BY RANGE (ts);
