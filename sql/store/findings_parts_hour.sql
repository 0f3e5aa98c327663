-- purpose: what the time of some statements is made of, by hour, from exact intervals, on some days each (a day is its number since 1970, mixed into the queryid: one key to look up, a superset at worst); few: looked up in the index, which is slower than reading all when they are many; NULL: no rollup keeps it by the hour
-- minimum version: 14
SELECT userid, dbid, queryid, toplevel, hour, calls, total_exec_time AS exec_ms, io_time AS io_ms,
    jit_time AS jit_ms, total_plan_time AS plan_ms, rows, shared_blks_read AS blocks_read,
    shared_blks_hit + shared_blks_read AS blocks, temp_blks AS temp_blocks,
    NULL::double precision AS read_ms, NULL::double precision AS write_ms,
    NULL::bigint AS blocks_dirtied, NULL::bigint AS blocks_written, NULL::bigint AS local_blocks,
    wal_bytes, NULL::bigint AS wal_records, NULL::bigint AS plans
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND source::text = ANY (%(sources)s::text[]) AND hour >= %(start)s AND hour < %(end)s
    AND exact AND (%(few)s::bigint[] IS NULL OR queryid = ANY (%(few)s::bigint[]))
    AND queryid # 0 = ANY (%(queryids)s::bigint[])
    AND queryid # (date_part('epoch', hour)::bigint / 86400) = ANY (%(days)s::bigint[])
