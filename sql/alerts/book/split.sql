-- purpose: leave a message with those addressees of its channel that did not take it, each by itself
-- minimum version: 14
INSERT INTO monitoring.alert_deliveries (message_id, channel, digest, due_at, attempts, last_error)
SELECT d.message_id, d.channel || '/' || l.number, d.digest, %(due_at)s, d.attempts, l.error
FROM monitoring.alert_deliveries AS d
CROSS JOIN unnest(%(numbers)s::text[], %(errors)s::text[]) AS l (number, error)
WHERE d.channel = %(channel)s AND d.message_id = ANY (%(ids)s::bigint[]) AND d.sent_at IS NULL
    AND d.leased_until = %(leased_until)s
ON CONFLICT (message_id, channel) DO NOTHING
