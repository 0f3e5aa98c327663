-- purpose: how much is due now and not taken, and what waits at all
-- minimum version: 14
SELECT
    count(*) FILTER (WHERE d.due_at <= %(now)s AND (d.leased_until IS NULL OR d.leased_until <= %(now)s)) AS due,
    count(*) AS waiting,
    min(d.due_at) AS next_at,
    max(d.attempts) AS attempts,
    (array_agg(d.channel || ': ' || d.last_error ORDER BY d.attempts DESC) FILTER (WHERE d.last_error IS NOT NULL))[1]
        AS last_error
FROM monitoring.alert_deliveries AS d
JOIN monitoring.alert_outbox AS o USING (message_id)
WHERE d.sent_at IS NULL AND o.target = ANY (%(targets)s::text[])
