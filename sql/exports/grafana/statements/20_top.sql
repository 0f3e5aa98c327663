-- purpose: statements that took most time
-- minimum version: 14
-- panel: table
SELECT
    r.queryid::text AS queryid,
    left(regexp_replace(q.query, '\s+', ' ', 'g'), 100) AS statement,
    sum(r.calls)::bigint AS calls,
    sum(r.total_exec_time) / 1000 AS seconds,
    sum(r.total_exec_time) / nullif(sum(r.calls), 0) AS mean_ms,
    sum(r.shared_blks_read)::bigint AS blocks_read
FROM ledger.targets AS t
JOIN ledger.statements_hourly AS r USING (target_id)
LEFT JOIN ledger.statement_texts AS x USING (target_id, dbid, userid, queryid)
LEFT JOIN ledger.query_texts AS q USING (text_hash)
WHERE t.name = %(target)s AND r.hour > %(start)s::timestamptz - INTERVAL '1 hour' AND r.hour <= %(finish)s
    AND r.toplevel
GROUP BY r.queryid, q.query
ORDER BY sum(r.total_exec_time) DESC
LIMIT 50
