-- purpose: per interval: the sessions' active time, what the counted top-level statements explain of it, transactions, and what open ones may not have told; NULL: not measurable
-- minimum version: 14
ALTER TABLE ledger.sweeps
    ADD COLUMN active_ms double precision,
    ADD COLUMN explained_ms double precision,
    ADD COLUMN explained_calls bigint,
    ADD COLUMN transactions bigint,
    ADD COLUMN open_ms double precision
