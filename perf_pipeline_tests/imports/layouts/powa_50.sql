-- The columns of PoWA 5.0 to 5.2 (compared with 5.2.0) that an import reads or that identify a row, by name and type.
CREATE TYPE powa_statements_history_record AS (
    ts timestamp with time zone,
    calls bigint,
    total_exec_time double precision,
    rows bigint,
    shared_blks_hit bigint,
    shared_blks_read bigint,
    shared_blks_dirtied bigint,
    shared_blks_written bigint,
    local_blks_hit bigint,
    local_blks_read bigint,
    local_blks_dirtied bigint,
    local_blks_written bigint,
    temp_blks_read bigint,
    temp_blks_written bigint,
    shared_blk_read_time double precision,
    shared_blk_write_time double precision,
    local_blk_read_time double precision,
    local_blk_write_time double precision,
    temp_blk_read_time double precision,
    temp_blk_write_time double precision,
    plans bigint,
    total_plan_time double precision,
    wal_records bigint,
    wal_fpi bigint,
    wal_bytes numeric,
    jit_functions bigint,
    jit_generation_time double precision,
    jit_inlining_count bigint,
    jit_inlining_time double precision,
    jit_optimization_count bigint,
    jit_optimization_time double precision,
    jit_emission_count bigint,
    jit_emission_time double precision,
    jit_deform_count bigint,
    jit_deform_time double precision
);
CREATE TABLE powa_servers (
    id integer,
    hostname text,
    alias text,
    port integer,
    version text
);
CREATE TABLE powa_databases (
    srvid integer,
    oid oid,
    datname name,
    dropped timestamp with time zone
);
CREATE TABLE powa_statements (
    srvid integer,
    queryid bigint,
    dbid oid,
    userid oid,
    query text,
    last_present_ts timestamp with time zone
);
CREATE TABLE powa_statements_history (
    srvid integer,
    queryid bigint,
    dbid oid,
    toplevel boolean,
    userid oid,
    coalesce_range tstzrange,
    records powa_statements_history_record[]
);
CREATE TABLE powa_statements_history_current (
    srvid integer,
    queryid bigint,
    dbid oid,
    toplevel boolean,
    userid oid,
    record powa_statements_history_record
);
CREATE TABLE powa_statements_history_db (
    srvid integer,
    dbid oid,
    coalesce_range tstzrange,
    records powa_statements_history_record[]
);
CREATE TABLE powa_statements_history_current_db (
    srvid integer,
    dbid oid,
    record powa_statements_history_record
);
