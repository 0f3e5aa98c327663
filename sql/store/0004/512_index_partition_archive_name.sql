-- purpose: the archived partitions of a target by name, newest first
-- minimum version: 14
CREATE INDEX partition_archive_name ON maintenance.partition_archive (target, parent, name, archive_id DESC);
