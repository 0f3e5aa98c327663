-- purpose: the beginning of the texts of some statements of a target
-- minimum version: 14
SELECT
    t.queryid, t.userid, t.dbid, left(q.query, 4000) AS query, length(q.query) AS query_length
FROM ledger.statement_texts AS t
JOIN ledger.query_texts AS q USING (text_hash)
WHERE t.target_id = %(target_id)s AND t.queryid = ANY (%(queryids)s::bigint [])
ORDER BY t.queryid, t.userid, t.dbid
