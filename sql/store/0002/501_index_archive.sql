-- purpose: one file, at most, is read for a day of a table of a target
-- minimum version: 14
CREATE UNIQUE INDEX archive_read ON ledger.archive (target_id, table_name, day)
    WHERE superseded_at IS NULL;
