-- purpose: sweeps of a target that end in a span of time, and the first one after it
-- minimum version: 14
-- hot only: days whose intervals are archived are left alone by an import
SELECT ts, previous_ts, source::text AS source
FROM ledger.sweeps
WHERE target_id = %(target_id)s AND ts >= %(start)s AND ts < %(finish)s
UNION ALL
SELECT ts, previous_ts, source
FROM (
    SELECT ts, previous_ts, source::text AS source FROM ledger.sweeps
    WHERE target_id = %(target_id)s AND ts >= %(finish)s
    ORDER BY ts
    LIMIT 1
) AS later
ORDER BY 1
