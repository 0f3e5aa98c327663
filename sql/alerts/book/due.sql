-- purpose: how much is due now and not taken, on channels that are declared, and what waits at all
-- minimum version: 14
-- what is due is as in claim.sql; a channel that is declared no more is delivered to by nobody
SELECT
    count(*) FILTER (
        WHERE w.channel IS NOT NULL
            AND (
                d.due_at <= %(now)s
                OR (d.attempts > 0 AND d.due_at > %(now)s::timestamptz + %(longest)s::interval)
                OR o.created_at > %(now)s::timestamptz + interval '1 minute'
            )
            AND (
                d.leased_until IS NULL OR d.leased_until <= %(now)s
                OR d.leased_until > %(now)s::timestamptz + %(longest)s::interval
            )
    ) AS due,
    count(*) AS waiting,
    count(*) FILTER (WHERE w.channel IS NULL) AS undeclared,
    min(d.due_at) AS next_at,
    max(d.attempts) AS attempts,
    (array_agg(d.channel || ': ' || d.last_error ORDER BY d.attempts DESC) FILTER (WHERE d.last_error IS NOT NULL))[1]
        AS last_error
FROM monitoring.alert_deliveries AS d
JOIN monitoring.alert_outbox AS o USING (message_id)
LEFT JOIN unnest(%(targets)s::text[], %(channels)s::text[]) AS w (target, channel)
    ON w.target = o.target AND w.channel = split_part(d.channel, '/', 1)
WHERE d.sent_at IS NULL AND o.target = ANY (%(targets)s::text[])
