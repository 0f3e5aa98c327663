-- purpose: the replication slots of a server at the instant of a sweep, with the WAL and the old rows they kept
-- minimum version: 14
CREATE TABLE ledger.slots (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    slot_name text NOT NULL,
    slot_type text NOT NULL,
    plugin text,
    database_name text,
    temporary boolean NOT NULL,
    active boolean NOT NULL,
    wal_status text,
    safe_wal_bytes bigint,
    retained_bytes bigint,
    unconfirmed_bytes bigint,
    xmin_age bigint,
    catalog_xmin_age bigint,
    conflicting boolean,
    invalidation_reason text,
    inactive_seconds double precision,
    failover boolean,
    synced boolean
) PARTITION BY RANGE (ts);
