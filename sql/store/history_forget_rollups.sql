-- purpose: drop generated rollups outside of the days that are generated anew
-- minimum version: 14
DELETE FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND source = 'generated' AND (hour < %(start)s OR hour >= %(end)s)
