-- purpose: keep the hours of the first revision while their table is made anew; an hour that is exact in part counts as not exact until it is rolled up again
-- minimum version: 14
CREATE TEMPORARY TABLE staged_statements_hourly ON COMMIT DROP AS
SELECT
    hour, queryid, calls, total_exec_time, exec_time_squares, total_plan_time, rows,
    shared_blks_hit, shared_blks_read, temp_blks_read + temp_blks_written AS temp_blks,
    blk_read_time + blk_write_time AS io_time, wal_bytes, jit_time, target_id,
    userid::oid AS userid, dbid::oid AS dbid, source, intervals::smallint AS intervals, toplevel,
    exact_intervals = intervals AS exact
FROM ledger.statements_hourly;
