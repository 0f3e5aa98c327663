-- purpose: how each index was used in one day, and its pages when it was last seen to change that day
-- minimum version: 14
CREATE TABLE ledger.indexes_daily (
    idx_scan bigint,
    idx_tup_read bigint,
    idx_tup_fetch bigint,
    relpages bigint,
    target_id integer NOT NULL,
    day date NOT NULL,
    indexrelid oid NOT NULL,
    relid oid NOT NULL,
    source ledger.source NOT NULL,
    intervals integer NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    index_name text NOT NULL
) PARTITION BY RANGE (day);
