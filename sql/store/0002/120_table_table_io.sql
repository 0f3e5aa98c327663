-- purpose: blocks read and found in memory of each table, its TOAST and each of its indexes, between two readings
-- minimum version: 14
CREATE TABLE ledger.table_io (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    previous_ts timestamptz NOT NULL,
    part_relid bigint NOT NULL,
    relid bigint NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    part text NOT NULL,
    index_name text,
    quality ledger.quality NOT NULL,
    blocks_read bigint NOT NULL,
    blocks_hit bigint NOT NULL
) PARTITION BY RANGE (ts);
