-- purpose: delete some readings that no window of a policy reaches back to; how many
-- minimum version: 14
WITH due AS (
    SELECT m.target, m.metric, m.subject, m.ts
    FROM monitoring.measurements AS m
    WHERE m.ts < %(before)s
    LIMIT %(batch)s
), gone AS (
    DELETE FROM monitoring.measurements AS m USING due
    WHERE m.target = due.target AND m.metric = due.metric AND m.subject = due.subject AND m.ts = due.ts
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
