-- purpose: note that an archived partition was dropped
-- minimum version: 14
UPDATE maintenance.partition_archive SET dropped_at = clock_timestamp()
WHERE archive_id = %(archive_id)s AND dropped_at IS NULL
