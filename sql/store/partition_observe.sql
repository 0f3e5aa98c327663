-- purpose: note how far a partition key has come, at most once in an hour; what is older than 90 days tells nothing any more
-- minimum version: 14
WITH old AS (
    DELETE FROM maintenance.partition_positions
    WHERE target = %(target)s AND parent = %(parent)s AND observed_at < clock_timestamp() - interval '90 days'
)
INSERT INTO maintenance.partition_positions (target, parent, position)
SELECT %(target)s, %(parent)s, %(position)s
WHERE NOT EXISTS (
    SELECT FROM maintenance.partition_positions
    WHERE target = %(target)s AND parent = %(parent)s AND observed_at > clock_timestamp() - interval '1 hour'
)
