-- purpose: settings changes seen in a time span
-- minimum version: 14
SELECT ts, previous_ts, name, value_before, value_after, unit, pending_restart
FROM ledger.settings_changes
WHERE target_id = %(target_id)s AND ts >= %(start)s AND ts < %(end)s
ORDER BY ts, name
