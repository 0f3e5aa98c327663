-- purpose: one proof in force for each table that is still there
-- minimum version: 14
CREATE UNIQUE INDEX partition_archive_in_force ON maintenance.partition_archive (target, relation)
    WHERE dropped_at IS NULL AND superseded_at IS NULL;
