-- purpose: an earlier proof of the same table is no longer in force: it is archived anew
-- minimum version: 14
UPDATE maintenance.partition_archive SET superseded_at = clock_timestamp()
WHERE target = %(target)s AND relation = %(relation)s AND dropped_at IS NULL AND superseded_at IS NULL
