-- purpose: the server version of a target's newest collected sweep
-- minimum version: 14
-- hot only: a target that was silent for longer than sweeps stay in the store is as good as new
SELECT server_version_num FROM ledger.sweeps
WHERE target_id = %(target_id)s AND source = 'collected'
ORDER BY ts DESC
LIMIT 1
