-- purpose: schema changes seen in a time span
-- minimum version: 14
SELECT ts, previous_ts, kind, object_name, relation_name, change, definition_before, definition_after
FROM ledger.schema_changes
WHERE target_id = %(target_id)s AND ts >= %(start)s AND ts < %(end)s
ORDER BY ts, kind, object_name, relation_name
