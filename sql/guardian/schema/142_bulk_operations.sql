-- purpose: table guardian.bulk_operations: one row per transaction in bulk mode, seen by nobody else (G-33)
-- minimum version: 14
-- The mode is a row that its own transaction alone sees: a rollback, a killed session and a pool of
-- sessions leave nothing of it. A setting would do as well for that, but anybody may set one.
CREATE TABLE IF NOT EXISTS guardian.bulk_operations (
    transaction_id xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE guardian.bulk_operations IS 'One row per transaction in bulk mode; none is ever committed.';
