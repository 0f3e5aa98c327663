-- purpose: the statements of a target that are our own
-- minimum version: 14
SELECT t.queryid, t.userid::bigint AS userid, t.dbid::bigint AS dbid
FROM ledger.statement_texts AS t
JOIN ledger.query_texts AS q USING (text_hash)
WHERE t.target_id = %(target_id)s AND q.query = %(own_text)s
ORDER BY t.queryid, userid, dbid
