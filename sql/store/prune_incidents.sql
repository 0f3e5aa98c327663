-- purpose: delete some incidents that are over, told as over, and were last touched long ago; how many
-- minimum version: 14
WITH due AS (
    SELECT i.incident_id
    FROM monitoring.incidents AS i
    WHERE i.status = 'resolved' AND i.changed_at < %(before)s
        AND coalesce(i.told ->> 'level', 'ok') NOT IN ('warning', 'critical')
    LIMIT %(batch)s
), gone AS (
    DELETE FROM monitoring.incidents AS i USING due WHERE i.incident_id = due.incident_id
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
