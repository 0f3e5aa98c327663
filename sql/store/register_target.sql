-- purpose: the number of a target, given to it when it is new
-- minimum version: 14
WITH added AS (
    INSERT INTO ledger.targets (name) VALUES (%(name)s)
    ON CONFLICT (name) DO NOTHING
    RETURNING target_id
)
SELECT target_id FROM added
UNION ALL
SELECT target_id FROM ledger.targets WHERE name = %(name)s
LIMIT 1
