-- purpose: the target whose rows hold the instance-wide families of this sweep's server; NULL: read by nobody
-- minimum version: 14
ALTER TABLE ledger.sweeps ADD COLUMN server_target_id integer;
