-- purpose: one writer of a target's intervals at a time
-- minimum version: 14
SELECT target_id FROM ledger.targets WHERE target_id = %(target_id)s FOR UPDATE
