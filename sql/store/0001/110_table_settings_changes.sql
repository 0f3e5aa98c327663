-- purpose: server settings that changed between two sweeps
-- minimum version: 14
CREATE TABLE ledger.settings_changes (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    previous_ts timestamptz NOT NULL,
    name text NOT NULL,
    value_before text,
    value_after text,
    unit text,
    pending_restart boolean NOT NULL
) PARTITION BY RANGE (ts);
