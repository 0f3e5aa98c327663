-- purpose: the settings changes of some days of a target
-- minimum version: 14
SELECT ts, previous_ts, name, value_before, value_after, unit, pending_restart
FROM ledger.settings_changes
WHERE target_id = %(target_id)s
    AND ts >= %(start)s::timestamptz AND ts < %(end)s::timestamptz
ORDER BY ts, name, value_before, value_after
