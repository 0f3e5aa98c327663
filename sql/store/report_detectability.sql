-- purpose: how small a rise would be seen in each statement, by the calibrations up to some days
-- minimum version: 14
SELECT
    d.as_of, d.queryid, d.userid, d.dbid, d.toplevel, d.outcome, d.total_ms, d.smallest_change_day
FROM perf_mgmt.detectability AS d
WHERE d.target_id = %(target_id)s AND d.week BETWEEN %(first)s::date - 34 AND %(last)s::date
    AND d.as_of BETWEEN %(first)s::date - 28 AND %(last)s::date AND d.metric = 'mean_exec_time'
ORDER BY d.as_of, d.total_ms DESC, d.queryid, d.userid, d.dbid, d.toplevel
