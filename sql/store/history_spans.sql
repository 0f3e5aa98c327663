-- purpose: first and last sweep of a target by source
-- minimum version: 14
SELECT source::text AS source, min(ts) AS first_ts, max(ts) AS last_ts
FROM ledger.sweeps
WHERE target_id = %(target_id)s
GROUP BY source
ORDER BY source
