-- purpose: messages that wait for their channels, the oldest that is overdue, and those that a channel did not take
-- minimum version: 14
-- kind: gauge
-- labels: target
SELECT
    t.name AS target,
    count(d.message_id)::double precision AS waiting,
    count(d.message_id) FILTER (WHERE d.last_error IS NOT NULL)::double precision AS refused,
    greatest(
        0.0, coalesce(max(extract(EPOCH FROM %(now)s::timestamptz - d.due_at)) FILTER (WHERE d.attempts = 0), 0.0),
        coalesce(max(extract(EPOCH FROM %(now)s::timestamptz - o.created_at)) FILTER (WHERE d.attempts > 0), 0.0)
    )::double precision AS overdue_seconds
FROM ledger.targets AS t
LEFT JOIN (
    monitoring.alert_deliveries AS d
    JOIN monitoring.alert_outbox AS o ON o.message_id = d.message_id AND d.sent_at IS NULL
) ON o.target = t.name
GROUP BY t.name
