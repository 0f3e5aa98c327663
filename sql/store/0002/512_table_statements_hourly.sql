-- purpose: the statements of one hour, summed, exact intervals and others apart; wide columns first, so that none is padded; NULL: not known in some interval
-- minimum version: 14
CREATE TABLE ledger.statements_hourly (
    hour timestamptz NOT NULL,
    queryid bigint NOT NULL,
    calls bigint NOT NULL,
    total_exec_time double precision NOT NULL,
    exec_time_squares double precision,
    total_plan_time double precision,
    rows bigint,
    shared_blks_hit bigint,
    shared_blks_read bigint,
    temp_blks bigint,
    io_time double precision,
    wal_bytes bigint,
    jit_time double precision,
    target_id integer NOT NULL,
    userid oid NOT NULL,
    dbid oid NOT NULL,
    source ledger.source NOT NULL,
    intervals smallint NOT NULL,
    toplevel boolean NOT NULL,
    exact boolean NOT NULL
) PARTITION BY RANGE (hour);
