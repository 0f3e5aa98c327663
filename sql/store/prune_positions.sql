-- purpose: delete some readings of how far partition keys had come, also of parents that are no longer looked at; how many
-- minimum version: 14
WITH due AS (
    SELECT target, parent, observed_at FROM maintenance.partition_positions
    WHERE observed_at < %(before)s LIMIT %(batch)s
), gone AS (
    DELETE FROM maintenance.partition_positions AS p USING due
    WHERE p.target = due.target AND p.parent = due.parent AND p.observed_at = due.observed_at
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
