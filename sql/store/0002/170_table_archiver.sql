-- purpose: WAL files a server archived, and failed to, between two sweeps, with the last of each
-- minimum version: 14
CREATE TABLE ledger.archiver (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    quality ledger.quality NOT NULL,
    archived_count bigint NOT NULL,
    failed_count bigint NOT NULL,
    last_archived_wal text,
    last_archived_time timestamptz,
    last_failed_wal text,
    last_failed_time timestamptz
) PARTITION BY RANGE (ts);
