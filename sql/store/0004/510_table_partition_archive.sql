-- purpose: proof that a partition of a target lies in the archive: its rows, their checksums read back from the files, and the hash the server gave of them; without such a row nothing is dropped
-- minimum version: 14
CREATE TABLE maintenance.partition_archive (
    archive_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    parent text NOT NULL,
    schema_name text NOT NULL,
    name text NOT NULL,
    -- the table itself: another one of the same name is not proven by this row
    relation bigint NOT NULL,
    bounds text NOT NULL,
    row_count bigint NOT NULL,
    content_hash text NOT NULL,
    columns jsonb NOT NULL,
    files jsonb NOT NULL,
    bytes bigint NOT NULL,
    server_clock timestamptz NOT NULL,
    archived_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    dropped_at timestamptz,
    restored_at timestamptz,
    held_until timestamptz,
    superseded_at timestamptz
);
