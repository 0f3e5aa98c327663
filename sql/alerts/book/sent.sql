-- purpose: note that messages were taken by a channel
-- minimum version: 14
UPDATE monitoring.alert_deliveries
SET sent_at = %(now)s, leased_until = NULL, last_error = NULL
WHERE channel = %(channel)s AND message_id = ANY (%(ids)s::bigint[])
