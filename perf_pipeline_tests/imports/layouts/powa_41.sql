-- The columns of PoWA 4.1 (compared with 4.1.4) that an import reads or that identify a row, by name and type.
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
    blk_read_time double precision,
    blk_write_time double precision,
    plans bigint,
    total_plan_time double precision,
    wal_records bigint,
    wal_fpi bigint,
    wal_bytes numeric
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
    userid oid,
    coalesce_range tstzrange,
    records powa_statements_history_record[]
);
CREATE TABLE powa_statements_history_current (
    srvid integer,
    queryid bigint,
    dbid oid,
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
