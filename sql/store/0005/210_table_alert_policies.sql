-- purpose: the alert policies of each target as they were last evaluated, for readers; the YAML decides
-- minimum version: 14
CREATE TABLE monitoring.alert_policies (
    target text NOT NULL,
    policy text NOT NULL,
    metric text NOT NULL,
    unit text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('REGRESSION', 'THRESHOLD', 'ERROR_RATE')),
    direction text NOT NULL CHECK (direction IN ('above', 'below')),
    warning double precision,
    critical double precision,
    window_minutes double precision NOT NULL,
    frequency_minutes double precision NOT NULL,
    delivery text NOT NULL CHECK (delivery IN ('IMMEDIATE', 'DAILY', 'WEEKLY')),
    response text,
    response_mode text CHECK (response_mode IN ('shadow', 'live')),
    channels jsonb NOT NULL DEFAULT '[]',
    enabled boolean NOT NULL,
    PRIMARY KEY (target, policy)
);
