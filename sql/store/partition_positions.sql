-- purpose: how far the partition keys of a target had come, oldest first
-- minimum version: 14
SELECT parent, observed_at, position FROM maintenance.partition_positions
WHERE target = %(target)s ORDER BY parent, observed_at
