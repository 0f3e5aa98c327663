-- purpose: when a target was last swept for real
-- minimum version: 14
SELECT ts FROM ledger.sweeps
WHERE target_id = %(target_id)s AND source = 'collected'
ORDER BY ts DESC
LIMIT 1
