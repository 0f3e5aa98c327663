-- purpose: delete some old texts that no statement has any more; how many
-- minimum version: 14
WITH due AS (
    SELECT q.text_hash
    FROM ledger.query_texts AS q
    WHERE q.first_seen < %(before)s
        AND NOT EXISTS (SELECT FROM ledger.statement_texts AS t WHERE t.text_hash = q.text_hash)
    LIMIT %(batch)s
), gone AS (
    DELETE FROM ledger.query_texts AS q USING due WHERE q.text_hash = due.text_hash
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
