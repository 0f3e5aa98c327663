-- purpose: one target's rows of an hour or a day; equal keys share their entry
-- minimum version: 14
CREATE INDEX indexes_target_ts ON ledger.indexes (target_id, ts);
