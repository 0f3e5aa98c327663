-- purpose: drop the rows of ledger.database in a span of generated history
-- minimum version: 14
-- hot only: what is archived of these days is given up beside it
DELETE FROM ledger.database
WHERE target_id = %(target_id)s AND ts >= %(start)s AND ts <= %(end)s
