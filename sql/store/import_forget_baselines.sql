-- purpose: drop imported sweeps that were a baseline only and now get an interval
-- minimum version: 14
-- hot only: days whose intervals are archived are left alone by an import
DELETE FROM ledger.sweeps
WHERE target_id = %(target_id)s AND source = 'imported' AND previous_ts IS NULL
    AND ts = ANY (%(instants)s::timestamptz[])
