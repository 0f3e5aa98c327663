-- purpose: one target's rows of an hour or a day; equal keys share their entry
-- minimum version: 14
CREATE INDEX tables_target_ts ON ledger.tables (target_id, ts);
