-- purpose: every message that is to be told, written once by its key in the transaction that found the reason
-- minimum version: 14
CREATE TABLE monitoring.alert_outbox (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_key text NOT NULL UNIQUE,
    target text NOT NULL,
    incident_id text,
    kind text NOT NULL,
    level text NOT NULL CHECK (level IN ('ok', 'warning', 'critical')),
    owner text NOT NULL DEFAULT '',
    title text NOT NULL,
    body text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL
);
