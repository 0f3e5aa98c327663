-- The columns of pg_profile 4.0 to 4.1 (compared with 4.0) that an import reads or that identify a row, by name and type.
CREATE TABLE servers (
    server_id integer,
    server_name name
);
CREATE TABLE samples (
    server_id integer,
    sample_id integer,
    sample_time timestamp(0) with time zone
);
CREATE TABLE sample_statements (
    server_id integer,
    sample_id integer,
    userid oid,
    datid oid,
    queryid bigint,
    queryid_md5 character(32),
    plans bigint,
    total_plan_time double precision,
    min_plan_time double precision,
    max_plan_time double precision,
    mean_plan_time double precision,
    stddev_plan_time double precision,
    calls bigint,
    total_exec_time double precision,
    min_exec_time double precision,
    max_exec_time double precision,
    mean_exec_time double precision,
    stddev_exec_time double precision,
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
    wal_records bigint,
    wal_fpi bigint,
    wal_bytes numeric,
    toplevel boolean
);
CREATE TABLE sample_statements_total (
    server_id integer,
    sample_id integer,
    datid oid,
    plans bigint,
    total_plan_time double precision,
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
    wal_records bigint,
    wal_fpi bigint,
    wal_bytes numeric,
    statements bigint
);
CREATE TABLE stmt_list (
    server_id integer,
    queryid_md5 character(32),
    query text,
    last_sample_id integer
);
CREATE TABLE sample_stat_database (
    server_id integer,
    sample_id integer,
    datid oid,
    datname name,
    stats_reset timestamp with time zone
);
CREATE TABLE sample_settings (
    server_id integer,
    first_seen timestamp(0) with time zone,
    setting_scope smallint,
    name text,
    setting text,
    reset_val text
);
