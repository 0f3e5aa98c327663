-- purpose: delete some reports of days, weeks and months that began before a day; how many
-- minimum version: 14
WITH due AS (
    SELECT target_id, day, kind FROM perf_mgmt.reports WHERE day < %(before)s LIMIT %(batch)s
), gone AS (
    DELETE FROM perf_mgmt.reports AS r USING due
    WHERE r.target_id = due.target_id AND r.day = due.day AND r.kind = due.kind
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
