-- purpose: table perf_pipeline_meta.invalidation_bulk_1: the log of transactions in bulk mode: one row per entity, rule and transaction
-- minimum version: 14
-- The transaction leads the key: two of them never meet in it, so nobody waits. What a savepoint took
-- back is not there, and is written again. The minute in which a transaction began says which of the two.
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.invalidation_bulk_1 (
    transaction_id xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    rule_id integer NOT NULL,
    entity text NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (transaction_id, rule_id, entity)
)
