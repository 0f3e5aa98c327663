-- purpose: calls, times and rows of each top-level statement in a span with its text, for levels of some statements
-- minimum version: 14
-- hot only: at most the newest week, which the store always has
WITH work AS (
    SELECT userid, dbid, queryid,
        sum(calls)::bigint AS calls,
        sum(total_exec_time ORDER BY ts) AS total_exec_time,
        sum(exec_time_squares ORDER BY ts) AS exec_time_squares,
        sum(rows)::bigint AS rows
    FROM ledger.statements
    WHERE target_id = %(target_id)s AND ts > %(start)s AND ts <= %(finish)s AND toplevel AND calls > 0
    GROUP BY userid, dbid, queryid
)
SELECT w.userid, w.dbid, w.queryid, w.calls, w.total_exec_time, w.exec_time_squares, w.rows, q.query
FROM work AS w
JOIN ledger.statement_texts AS t
    ON t.target_id = %(target_id)s AND t.dbid = w.dbid AND t.userid = w.userid AND t.queryid = w.queryid
JOIN ledger.query_texts AS q USING (text_hash)
WHERE t.text_hash <> %(own_hash)s
ORDER BY w.queryid, w.userid, w.dbid
