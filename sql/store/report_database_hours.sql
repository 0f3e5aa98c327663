-- purpose: what the whole database did in each hour of some days
-- minimum version: 14
SELECT
    h.hour, h.xact_commit, h.xact_rollback, h.blks_hit, h.blks_read,
    h.tup_returned, h.tup_inserted, h.tup_updated, h.tup_deleted,
    h.temp_files, h.temp_bytes, h.deadlocks, h.active_time, h.database_bytes
FROM ledger.database_hourly AS h
WHERE h.target_id = %(target_id)s
    AND h.hour >= %(start)s::timestamptz AND h.hour < %(end)s::timestamptz
    AND h.source::text = ANY (%(sources)s::text [])
ORDER BY h.hour
