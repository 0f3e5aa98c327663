-- purpose: redacted texts of the given statements
-- minimum version: 14
SELECT s.userid, s.dbid, s.queryid, q.query
FROM ledger.statement_texts AS s
JOIN ledger.query_texts AS q USING (text_hash)
WHERE s.target_id = %(target_id)s AND s.queryid = ANY (%(queryids)s::bigint[])
ORDER BY s.queryid, s.userid, s.dbid
