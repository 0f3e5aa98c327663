-- purpose: note that an archived partition is back, as another table, and how long it shall stay
-- minimum version: 14
UPDATE maintenance.partition_archive
SET dropped_at = NULL, relation = %(relation)s, restored_at = clock_timestamp(),
    held_until = clock_timestamp() + %(hold)s::interval
WHERE archive_id = %(archive_id)s
