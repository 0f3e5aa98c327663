-- purpose: the last changes of settings of a target in a week
-- minimum version: 14
SELECT c.ts, c.name, c.value_before AS before, c.value_after AS after, c.unit, c.pending_restart
FROM ledger.settings_changes AS c
WHERE c.target_id = %(target_id)s
    AND c.ts > %(finish)s::timestamptz - INTERVAL '7 days' AND c.ts <= %(finish)s
ORDER BY c.ts DESC, c.name
LIMIT %(most)s
