-- purpose: incidents of alerts that were open in a span, the newest first, each with what was done about it or would have been
-- minimum version: 14
SELECT
    i.incident_id, i.level, i.status, i.title, i.cause, i.opened_at, i.resolved_at,
    i.acknowledged_at IS NOT NULL AS taken, jsonb_array_length(i.members) AS breaches,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_object(
                'action', r.action, 'state', r.state, 'told', r.told, 'before', r.value_before, 'after', r.value_after
            )
            ORDER BY r.asked_at, r.response_id
        )
        FROM monitoring.alert_responses AS r
        WHERE r.incident_id = i.incident_id AND r.target = i.target
    ), '[]') AS answers
FROM monitoring.incidents AS i
WHERE i.target = %(target)s AND i.opened_at < %(until)s AND (i.resolved_at IS NULL OR i.resolved_at >= %(since)s)
ORDER BY i.opened_at DESC, i.incident_id
