-- purpose: the beginning of the texts of the given statements, one for each queryid
-- minimum version: 14
SELECT DISTINCT ON (s.queryid) s.queryid, left(q.query, 200) AS query
FROM ledger.statement_texts AS s
JOIN ledger.query_texts AS q USING (text_hash)
WHERE s.target_id = %(target_id)s AND s.queryid = ANY (%(queryids)s::bigint[])
ORDER BY s.queryid, s.userid, s.dbid
