-- purpose: WAL of a whole server between two sweeps; NULL: this version does not count it there, or it is not measured
-- minimum version: 14
CREATE TABLE ledger.wal (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    quality ledger.quality NOT NULL,
    wal_records bigint NOT NULL,
    wal_fpi bigint NOT NULL,
    wal_bytes bigint NOT NULL,
    wal_buffers_full bigint NOT NULL,
    wal_write bigint,
    wal_sync bigint,
    wal_write_time double precision,
    wal_sync_time double precision
) PARTITION BY RANGE (ts);
