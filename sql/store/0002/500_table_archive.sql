-- purpose: which days of ledger tables lie in which Parquet file of the archive; superseded_at: the file is no longer read and will be deleted
-- minimum version: 14
CREATE TABLE ledger.archive (
    path text PRIMARY KEY,
    target_id integer NOT NULL REFERENCES ledger.targets,
    table_name text NOT NULL,
    day date NOT NULL,
    row_count bigint NOT NULL,
    checksum text NOT NULL,
    bytes bigint NOT NULL,
    first_ts timestamptz NOT NULL,
    last_ts timestamptz NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    verified_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz
);
