-- purpose: when each target's policies were last evaluated, by whose clock a dead-man check looks; one row per target
-- minimum version: 14
CREATE TABLE monitoring.alert_evaluations (
    target text PRIMARY KEY,
    evaluated_at timestamptz NOT NULL,
    policies integer NOT NULL,
    without_data integer NOT NULL,
    open_incidents integer NOT NULL,
    duration_ms double precision NOT NULL
);
