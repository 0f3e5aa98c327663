-- purpose: the counters of a target's last sweep
-- minimum version: 14
SELECT family, ts, frame FROM ledger.state WHERE target_id = %(target_id)s
