-- purpose: messages by channel: taken, waiting, and what the channel last said
-- minimum version: 14
-- panel: table
SELECT
    d.channel,
    count(*) FILTER (WHERE d.sent_at IS NOT NULL) AS taken,
    count(*) FILTER (WHERE d.sent_at IS NULL) AS waiting,
    max(d.sent_at) AS last_taken,
    (array_agg(d.last_error ORDER BY d.message_id DESC) FILTER (WHERE d.last_error IS NOT NULL))[1] AS last_error
FROM monitoring.alert_outbox AS o
JOIN monitoring.alert_deliveries AS d USING (message_id)
WHERE o.target = %(target)s AND o.created_at <= %(finish)s
    AND (o.created_at > %(start)s OR d.sent_at IS NULL)
GROUP BY d.channel
ORDER BY d.channel
