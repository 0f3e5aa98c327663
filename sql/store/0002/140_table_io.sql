-- purpose: reads and writes of a whole server by kind of process, object and context, between two sweeps; NULL: does not happen there, or is not measured
-- minimum version: 14
CREATE TABLE ledger.io (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    backend_type text NOT NULL,
    object text NOT NULL,
    context text NOT NULL,
    quality ledger.quality NOT NULL,
    reads bigint,
    read_bytes bigint,
    read_time double precision,
    writes bigint,
    write_bytes bigint,
    write_time double precision,
    writebacks bigint,
    writeback_time double precision,
    extends bigint,
    extend_bytes bigint,
    extend_time double precision,
    hits bigint,
    evictions bigint,
    reuses bigint,
    fsyncs bigint,
    fsync_time double precision
) PARTITION BY RANGE (ts);
