-- purpose: put messages into the outbox, once by their keys, with where each goes and when
-- minimum version: 14
WITH asked AS (
    SELECT * FROM jsonb_to_recordset(%(records)s::jsonb) AS r (
        message_key text, incident_id text, kind text, level text, owner text, title text, body text,
        detail jsonb, created_at timestamptz, deliveries jsonb
    )
),
added AS (
    INSERT INTO monitoring.alert_outbox (
        message_key, target, incident_id, kind, level, owner, title, body, detail, created_at
    )
    SELECT message_key, %(target)s, incident_id, kind, level, owner, title, body, detail, created_at
    FROM asked
    ON CONFLICT (message_key) DO NOTHING
    RETURNING message_id, message_key
),
sent AS (
    INSERT INTO monitoring.alert_deliveries (message_id, channel, digest, due_at)
    SELECT a.message_id, d.channel, d.digest, d.due_at
    FROM added AS a
    JOIN asked AS k USING (message_key)
    CROSS JOIN LATERAL jsonb_to_recordset(k.deliveries) AS d (channel text, digest text, due_at timestamptz)
    RETURNING message_id
)
SELECT count(*) AS messages, (SELECT count(*) FROM sent) AS deliveries FROM added
