-- purpose: the number of a known target
-- minimum version: 14
SELECT target_id FROM ledger.targets WHERE name = %(name)s
