-- purpose: keep texts not known yet
-- minimum version: 14
INSERT INTO ledger.query_texts (text_hash, query, first_seen)
SELECT new.text_hash, new.query, %(ts)s
FROM ROWS FROM (
    pg_catalog.unnest(%(text_hashes)s::text[]),
    pg_catalog.unnest(%(queries)s::text[])
) AS new (text_hash, query)
ORDER BY new.text_hash
ON CONFLICT (text_hash) DO NOTHING
