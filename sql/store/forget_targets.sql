-- purpose: the targets that have texts older than an instant
-- minimum version: 14
SELECT DISTINCT t.target_id
FROM ledger.statement_texts AS t
JOIN ledger.query_texts AS q USING (text_hash)
WHERE q.first_seen < %(before)s
ORDER BY t.target_id
