-- purpose: what the whole database did in one hour, the most backends seen, and its bytes at the end
-- minimum version: 14
CREATE TABLE ledger.database_hourly (
    hour timestamptz NOT NULL,
    xact_commit bigint,
    xact_rollback bigint,
    blks_read bigint,
    blks_hit bigint,
    tup_returned bigint,
    tup_fetched bigint,
    tup_inserted bigint,
    tup_updated bigint,
    tup_deleted bigint,
    conflicts bigint,
    temp_files bigint,
    temp_bytes bigint,
    deadlocks bigint,
    blk_read_time double precision,
    blk_write_time double precision,
    session_time double precision,
    active_time double precision,
    idle_in_transaction_time double precision,
    sessions bigint,
    numbackends bigint,
    database_bytes bigint,
    target_id integer NOT NULL,
    source ledger.source NOT NULL,
    intervals integer NOT NULL
) PARTITION BY RANGE (hour);
