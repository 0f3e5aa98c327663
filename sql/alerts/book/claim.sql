-- purpose: take what is due on channels, in the order it was said; what somebody else has taken is left to them
-- minimum version: 14
-- `channel/number` is one addressee of a channel, of those that did not take what the others took.
-- An instant further ahead than any that we write was written before the clock was set back: it counts as now.
WITH due AS (
    SELECT d.message_id, d.channel
    FROM monitoring.alert_deliveries AS d
    JOIN monitoring.alert_outbox AS o USING (message_id)
    WHERE d.sent_at IS NULL AND o.target = %(target)s AND split_part(d.channel, '/', 1) = ANY (%(channels)s::text[])
        AND (
            d.due_at <= %(now)s
            OR (d.attempts > 0 AND d.due_at > %(now)s::timestamptz + %(longest)s::interval)
            OR o.created_at > %(now)s::timestamptz + interval '1 minute'
        )
        AND (
            d.leased_until IS NULL OR d.leased_until <= %(now)s
            OR d.leased_until > %(now)s::timestamptz + %(longest)s::interval
        )
    ORDER BY d.message_id
    FOR UPDATE OF d SKIP LOCKED
    LIMIT %(limit)s
),
taken AS (
    UPDATE monitoring.alert_deliveries AS d
    SET leased_until = %(now)s::timestamptz + %(lease)s::interval
    FROM due
    WHERE d.message_id = due.message_id AND d.channel = due.channel
    RETURNING d.message_id, d.channel, d.digest, d.attempts, d.last_error, d.leased_until
)
SELECT t.message_id, t.channel, t.digest, t.attempts, t.last_error, t.leased_until, o.message_key, o.target,
    o.incident_id, o.kind, o.level, o.owner, o.title, o.body, o.detail, o.created_at
FROM taken AS t
JOIN monitoring.alert_outbox AS o USING (message_id)
ORDER BY t.message_id, t.channel
