-- purpose: one row per incident: what is wrong for one cause, from opened to resolved, with all that is grouped under it
-- minimum version: 14
CREATE TABLE monitoring.incidents (
    incident_id text PRIMARY KEY,
    target text NOT NULL,
    cause text NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved')),
    level text NOT NULL CHECK (level IN ('warning', 'critical')),
    title text NOT NULL,
    owner text NOT NULL DEFAULT '',
    opened_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    resolved_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text NOT NULL DEFAULT '',
    flapping boolean NOT NULL DEFAULT false,
    -- policy, subject, level, value, threshold, unit and a line of each thing grouped under it
    members jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(members) = 'array'),
    -- what was told of it, and when: rate limits, escalations and reminders rest on it
    told jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(told) = 'object'),
    CHECK ((status = 'resolved') = (resolved_at IS NOT NULL))
);
