-- purpose: the redacted text of each statement, by hash
-- minimum version: 14
CREATE VIEW monitoring.query_samples AS
SELECT g.name AS target, t.userid, t.dbid, t.queryid, q.text_hash AS query_hash, q.query AS sample_text, q.first_seen
FROM ledger.statement_texts AS t
JOIN ledger.query_texts AS q USING (text_hash)
JOIN ledger.targets AS g USING (target_id);
