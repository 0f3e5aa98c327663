-- purpose: put off what a channel did not take
-- minimum version: 14
UPDATE monitoring.alert_deliveries
SET due_at = %(due_at)s, leased_until = NULL, last_error = %(error)s
WHERE channel = %(channel)s AND message_id = ANY (%(ids)s::bigint[]) AND sent_at IS NULL
    AND leased_until = %(leased_until)s
