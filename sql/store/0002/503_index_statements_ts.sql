-- purpose: one target's rows of an hour or a day; equal keys share their entry: 9 bytes a row, not 58
-- minimum version: 14
CREATE INDEX statements_target_ts ON ledger.statements (target_id, ts);
