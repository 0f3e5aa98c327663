-- purpose: leave alone for a while what was taken and not tried, because its channel takes nothing
-- minimum version: 14
UPDATE monitoring.alert_deliveries
SET leased_until = %(until)s
WHERE channel = %(channel)s AND message_id = ANY (%(ids)s::bigint[]) AND sent_at IS NULL
    AND leased_until = %(leased_until)s
