-- purpose: delete some answers to incidents that are over: those that did something after years, the others earlier; how many
-- minimum version: 14
WITH due AS (
    SELECT r.response_id
    FROM monitoring.alert_responses AS r
    WHERE r.asked_at < %(evidence_before)s
        OR (r.asked_at < %(before)s AND r.state IN ('asked', 'would_act', 'refused'))
    LIMIT %(batch)s
), gone AS (
    DELETE FROM monitoring.alert_responses AS r USING due WHERE r.response_id = due.response_id
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
