-- purpose: calls and time of each statement by the role that ran it, over some days
-- minimum version: 14
SELECT d.userid, d.queryid, sum(d.calls)::bigint AS calls, sum(d.total_exec_time)::float8 AS total_ms
FROM ledger.statements_daily AS d
WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s AND %(last)s
    AND d.toplevel AND d.calls > 0 AND d.source <> 'generated'
GROUP BY d.userid, d.queryid
ORDER BY d.userid, d.queryid
