-- purpose: note that messages are about to be sent on a channel, before they are: a crash in between is seen
-- minimum version: 14
UPDATE monitoring.alert_deliveries
SET attempts = attempts + 1, leased_until = %(now)s::timestamptz + interval '5 minutes'
WHERE channel = %(channel)s AND message_id = ANY (%(ids)s::bigint[]) AND sent_at IS NULL
RETURNING message_id
