-- purpose: how long the collector's own connections took in a span
-- minimum version: 14
-- hot only: the hour before the newest sweep; where that is long ago, the check fails for its age
SELECT count(connect_ms) AS sweeps,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY connect_ms) AS p95_ms
FROM ledger.sweeps
WHERE target_id = %(target_id)s AND ts > %(start)s AND ts <= %(finish)s AND connect_ms IS NOT NULL
