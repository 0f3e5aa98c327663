-- purpose: one target's rows of an hour or a day; equal keys share their entry
-- minimum version: 14
CREATE INDEX table_io_target_ts ON ledger.table_io (target_id, ts);
