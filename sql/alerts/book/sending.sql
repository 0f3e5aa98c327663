-- purpose: note that messages are about to be sent, before they are; only those that are still ours to send
-- minimum version: 14
UPDATE monitoring.alert_deliveries
SET attempts = attempts + 1, leased_until = %(now)s::timestamptz + %(lease)s::interval, last_error = %(doubt)s
WHERE channel = %(channel)s AND message_id = ANY (%(ids)s::bigint[]) AND sent_at IS NULL
    AND leased_until = %(leased_until)s
RETURNING message_id, leased_until
