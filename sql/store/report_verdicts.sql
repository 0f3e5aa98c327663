-- purpose: changes that are not told because somebody said that they are expected, or false, with the texts of their statements
-- minimum version: 14
SELECT
    b.finding_id, b.verdict, b.given_by, b.given_at, b.reason,
    b.userid, b.dbid, b.queryid, b.toplevel, b.metric, b.direction, b.onset, b.old_level, b.new_level, b.severity,
    left(q.query, 4000) AS query, coalesce(length(q.query), 0) AS query_length
FROM (
    SELECT DISTINCT ON (f.finding_id) f.*
    FROM perf_mgmt.feedback AS f
    WHERE f.target_id = %(target_id)s
    ORDER BY f.finding_id, f.feedback_id DESC
) AS b
LEFT JOIN ledger.statement_texts AS t USING (target_id, dbid, userid, queryid)
LEFT JOIN ledger.query_texts AS q USING (text_hash)
WHERE b.verdict IN ('expected', 'false')
    AND b.onset >= %(start)s::timestamptz - interval '13 days' AND b.onset < %(end)s::timestamptz
ORDER BY b.onset, b.finding_id
