-- purpose: what a database's clients asked in a span of whole hours, by statement; ms and their squares are of all calls
-- minimum version: 14
SELECT h.queryid, sum(h.calls)::bigint AS calls, sum(h.total_exec_time)::float8 AS total_ms,
    CASE WHEN count(*) = count(h.exec_time_squares) THEN sum(h.exec_time_squares) END::float8 AS squares,
    sum(h.rows)::float8 AS rows, min(q.query) AS query
FROM ledger.statements_hourly AS h
LEFT JOIN ledger.statement_texts AS t
    ON t.target_id = h.target_id AND t.dbid = h.dbid AND t.userid = h.userid AND t.queryid = h.queryid
LEFT JOIN ledger.query_texts AS q ON q.text_hash = t.text_hash
WHERE h.target_id = %(target_id)s AND h.dbid = %(dbid)s AND h.hour >= %(start)s AND h.hour < %(finish)s
    AND h.toplevel AND h.calls > 0 AND h.source <> 'generated'
    AND q.query IS DISTINCT FROM %(own_text)s AND q.query NOT LIKE '%%/* perf-pipeline */%%'
GROUP BY h.queryid
ORDER BY calls DESC, h.queryid
