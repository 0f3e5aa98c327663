-- purpose: one row per sweep: its interval, the evidence its deltas rest on, and what it cost the target
-- minimum version: 14
CREATE TABLE ledger.sweeps (
    target_id integer NOT NULL REFERENCES ledger.targets,
    ts timestamptz NOT NULL,
    previous_ts timestamptz,
    source ledger.source NOT NULL,
    quality ledger.quality NOT NULL,
    server_version_num integer NOT NULL,
    system_identifier bigint,
    timeline integer,
    postmaster_start timestamptz,
    in_recovery boolean,
    database_stats_reset timestamptz,
    statements_stats_reset timestamptz,
    statements_dealloc bigint,
    connect_ms double precision,
    database_ms double precision,
    duration_ms double precision,
    temp_bytes bigint,
    rows_read bigint,
    rows_written bigint,
    notes text NOT NULL DEFAULT '',
    PRIMARY KEY (target_id, ts)
) PARTITION BY RANGE (ts);
