-- purpose: statements of a target that refresh a materialized view
-- minimum version: 14
SELECT s.queryid, left(q.query, 400) AS query
FROM ledger.statement_texts AS s
JOIN ledger.query_texts AS q USING (text_hash)
WHERE s.target_id = %(target_id)s AND q.query ~* '^\s*refresh\s+materialized\s+view'
ORDER BY s.queryid, s.userid, s.dbid
