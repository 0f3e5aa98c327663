-- purpose: one function's history without a scan of the partition
-- minimum version: 14
CREATE INDEX functions_target_funcid_ts ON ledger.functions (target_id, funcid, ts);
