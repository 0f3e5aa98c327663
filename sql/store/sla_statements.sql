-- purpose: calls and execution times of each top-level statement in a span, for the estimate of percentiles
-- minimum version: 14
-- hot only: the hour before the newest sweep; where that is long ago, the check fails for its age
SELECT s.userid, s.dbid, s.queryid,
    sum(s.calls)::bigint AS calls,
    sum(s.total_exec_time ORDER BY s.ts) AS total_exec_time,
    sum(s.exec_time_squares ORDER BY s.ts) AS exec_time_squares
FROM ledger.statements AS s
WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
    AND s.toplevel AND s.calls > 0
    AND NOT EXISTS (
        SELECT FROM ledger.statement_texts AS t
        WHERE t.target_id = s.target_id AND t.dbid = s.dbid AND t.userid = s.userid
            AND t.queryid = s.queryid AND t.text_hash = %(own_hash)s
    )
GROUP BY s.userid, s.dbid, s.queryid
ORDER BY s.queryid, s.userid, s.dbid
