-- purpose: take what is due on channels, in the order it was said; what somebody else has taken is left to them
-- minimum version: 14
WITH due AS (
    SELECT d.message_id, d.channel
    FROM monitoring.alert_deliveries AS d
    JOIN monitoring.alert_outbox AS o USING (message_id)
    WHERE d.sent_at IS NULL AND d.due_at <= %(now)s AND (d.leased_until IS NULL OR d.leased_until <= %(now)s)
        AND o.target = %(target)s AND d.channel = ANY (%(channels)s::text[])
    ORDER BY d.message_id
    FOR UPDATE OF d SKIP LOCKED
    LIMIT %(limit)s
),
taken AS (
    UPDATE monitoring.alert_deliveries AS d
    SET leased_until = %(now)s::timestamptz + interval '5 minutes'
    FROM due
    WHERE d.message_id = due.message_id AND d.channel = due.channel
    RETURNING d.message_id, d.channel, d.digest, d.attempts
)
SELECT t.message_id, t.channel, t.digest, t.attempts, o.message_key, o.target, o.incident_id, o.kind, o.level,
    o.owner, o.title, o.body, o.detail, o.created_at
FROM taken AS t
JOIN monitoring.alert_outbox AS o USING (message_id)
ORDER BY t.message_id, t.channel
