-- purpose: the last changes of a target's schema in a week
-- minimum version: 14
SELECT c.ts, c.change, c.kind, c.object_name AS object, c.relation_name AS relation
FROM ledger.schema_changes AS c
WHERE c.target_id = %(target_id)s
    AND c.ts > %(finish)s::timestamptz - INTERVAL '7 days' AND c.ts <= %(finish)s
ORDER BY c.ts DESC, c.kind, c.object_name
LIMIT %(most)s
