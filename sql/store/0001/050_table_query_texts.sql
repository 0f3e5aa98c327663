-- purpose: redacted statement texts, once each by hash
-- minimum version: 14
CREATE TABLE ledger.query_texts (
    text_hash text PRIMARY KEY,
    query text NOT NULL,
    first_seen timestamptz NOT NULL
);
