-- purpose: the sweeps of a time span with what identifies the server, one source only
-- minimum version: 14
SELECT ts, coalesce(previous_ts, ts), server_version_num, system_identifier, timeline, postmaster_start, in_recovery
FROM ledger.sweeps
WHERE target_id = %(target_id)s AND source = %(source)s AND ts >= %(start)s AND ts < %(end)s
ORDER BY ts
