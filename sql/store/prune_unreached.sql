-- purpose: delete some looks at targets that were away, older than anybody asks for; how many
-- minimum version: 14
WITH due AS (
    SELECT target, ts FROM monitoring.unreached WHERE ts < %(before)s LIMIT %(batch)s
), gone AS (
    DELETE FROM monitoring.unreached AS u USING due WHERE u.target = due.target AND u.ts = due.ts
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
