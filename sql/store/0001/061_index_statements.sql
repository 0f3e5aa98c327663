-- purpose: one statement's day, and one target's day, without a scan of the partition
-- minimum version: 14
CREATE INDEX statements_target_queryid_ts ON ledger.statements (target_id, queryid, ts);
