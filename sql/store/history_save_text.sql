-- purpose: keep a statement text once
-- minimum version: 14
INSERT INTO ledger.query_texts (text_hash, query, first_seen)
VALUES (%(text_hash)s, %(query)s, %(first_seen)s)
ON CONFLICT (text_hash) DO NOTHING
