-- purpose: when a target was last swept for real
-- minimum version: 14
-- hot only: a target that was silent for longer than sweeps stay in the store is as good as new
SELECT ts FROM ledger.sweeps
WHERE target_id = %(target_id)s AND source = 'collected'
ORDER BY ts DESC
LIMIT 1
