-- purpose: each message on each channel: when it is due, how often it was tried, and when it was taken
-- minimum version: 14
CREATE TABLE monitoring.alert_deliveries (
    message_id bigint NOT NULL REFERENCES monitoring.alert_outbox ON DELETE CASCADE,
    channel text NOT NULL,
    -- '': at once and by itself; else all of one digest go out together
    digest text NOT NULL DEFAULT '',
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    sent_at timestamptz,
    last_error text,
    PRIMARY KEY (message_id, channel)
);
