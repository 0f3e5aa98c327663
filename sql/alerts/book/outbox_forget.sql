-- purpose: forget messages that were taken everywhere (or went nowhere) long ago, and measurements older than 40 days
-- minimum version: 14
WITH old AS (
    DELETE FROM monitoring.measurements WHERE ts < %(now)s::timestamptz - interval '40 days'
)
DELETE FROM monitoring.alert_outbox AS o
WHERE o.created_at < %(now)s::timestamptz - interval '400 days' AND NOT EXISTS (
    SELECT FROM monitoring.alert_deliveries AS d WHERE d.message_id = o.message_id AND d.sent_at IS NULL
)
