-- purpose: the targets of the store
-- minimum version: 14
SELECT t.name, t.target_id FROM ledger.targets AS t ORDER BY t.name
