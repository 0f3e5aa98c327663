-- purpose: how each index was used between two sweeps, with its size at the end
-- minimum version: 14
CREATE TABLE ledger.indexes (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    indexrelid bigint NOT NULL,
    relid bigint NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    index_name text NOT NULL,
    quality ledger.quality NOT NULL,
    idx_scan bigint NOT NULL,
    idx_tup_read bigint NOT NULL,
    idx_tup_fetch bigint NOT NULL,
    relpages bigint NOT NULL
) PARTITION BY RANGE (ts);
