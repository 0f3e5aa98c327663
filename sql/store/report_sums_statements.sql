-- purpose: what each statement did on some days, summed (ns: whole nanoseconds, so that no sum depends on the order of rows; NULL: not known on some day)
-- minimum version: 14
SELECT
    d.userid::bigint AS userid, d.dbid::bigint AS dbid, d.queryid, d.toplevel,
    sum(d.calls)::bigint AS calls,
    sum((d.total_exec_time * 1e6)::bigint)::bigint AS exec_ns,
    CASE WHEN count(*) = count(d.total_plan_time)
        THEN sum((d.total_plan_time * 1e6)::bigint)::bigint END AS plan_ns,
    CASE WHEN count(*) = count(d.rows) THEN sum(d.rows)::bigint END AS rows,
    CASE WHEN count(*) = count(d.shared_blks_hit) THEN sum(d.shared_blks_hit)::bigint END AS blocks_hit,
    CASE WHEN count(*) = count(d.shared_blks_read) THEN sum(d.shared_blks_read)::bigint END AS blocks_read,
    CASE WHEN count(*) = count(d.temp_blks_read + d.temp_blks_written)
        THEN sum(d.temp_blks_read + d.temp_blks_written)::bigint END AS temp_blocks,
    CASE WHEN count(*) = count(d.blk_read_time + d.blk_write_time)
        THEN sum(((d.blk_read_time + d.blk_write_time) * 1e6)::bigint)::bigint END AS io_ns,
    CASE WHEN count(*) = count(d.wal_bytes) THEN sum(d.wal_bytes)::bigint END AS wal_bytes,
    CASE WHEN count(*) = count(d.jit_time) THEN sum((d.jit_time * 1e6)::bigint)::bigint END AS jit_ns,
    sum(d.exact_calls)::bigint AS exact_calls
FROM ledger.statements_daily AS d
WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s::date AND %(last)s::date
    AND d.source::text = ANY (%(sources)s::text [])
GROUP BY d.userid, d.dbid, d.queryid, d.toplevel
ORDER BY exec_ns DESC, d.queryid, userid, dbid, d.toplevel
