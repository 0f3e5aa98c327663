-- purpose: the hours of the first revision
-- minimum version: 14
INSERT INTO ledger.statements_hourly (
    hour, queryid, calls, total_exec_time, exec_time_squares, total_plan_time, rows,
    shared_blks_hit, shared_blks_read, temp_blks, io_time, wal_bytes, jit_time, target_id, userid,
    dbid, source, intervals, toplevel, exact
)
SELECT
    hour, queryid, calls, total_exec_time, exec_time_squares, total_plan_time, rows,
    shared_blks_hit, shared_blks_read, temp_blks, io_time, wal_bytes, jit_time, target_id, userid,
    dbid, source, intervals, toplevel, exact
FROM staged_statements_hourly;
