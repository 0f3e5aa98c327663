-- purpose: one true row for each operation of maintenance on a target; written before it starts, finished after it ended; one whose writer is gone is closed as killed
-- minimum version: 14
CREATE TABLE maintenance.maintenance_log (
    log_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    operation text NOT NULL,
    object text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    outcome text NOT NULL DEFAULT 'running'
        CHECK (outcome IN ('running', 'done', 'skipped', 'blocked', 'failed', 'killed')),
    -- null: the operation has none, or was not told; never a guessed zero
    rows bigint,
    bytes bigint,
    lock_wait_ms double precision,
    statement_digest text,
    error text,
    detail jsonb NOT NULL DEFAULT '{}',
    CHECK ((outcome = 'running') = (finished_at IS NULL))
);
