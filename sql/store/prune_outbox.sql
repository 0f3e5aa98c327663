-- purpose: delete some messages, with where they went, that are older than anybody asks for; how many
-- minimum version: 14
-- also what no channel has taken in all that time: it is told as `waiting` until then
WITH due AS (
    SELECT o.message_id
    FROM monitoring.alert_outbox AS o
    WHERE o.created_at < %(before)s
    ORDER BY o.message_id
    LIMIT %(batch)s
), gone AS (
    DELETE FROM monitoring.alert_outbox AS o USING due WHERE o.message_id = due.message_id
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
