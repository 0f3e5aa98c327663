-- purpose: the peers a server sent WAL to, or received it from, at the instant of a sweep, and how far behind they were
-- minimum version: 14
CREATE TABLE ledger.replication (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    direction text NOT NULL CHECK (direction IN ('sends', 'receives')),
    application_name text,
    peer text,
    slot_name text,
    state text,
    sync_state text,
    send_lag_bytes bigint,
    write_lag_bytes bigint,
    flush_lag_bytes bigint,
    replay_lag_bytes bigint,
    write_lag_seconds double precision,
    flush_lag_seconds double precision,
    replay_lag_seconds double precision,
    last_message_seconds double precision,
    backup_phase text,
    backup_bytes bigint,
    backup_total_bytes bigint
) PARTITION BY RANGE (ts);
