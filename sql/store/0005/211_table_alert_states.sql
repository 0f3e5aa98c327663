-- purpose: how each policy stands with each thing it measures; no_data is neither well nor a breach
-- minimum version: 14
CREATE TABLE monitoring.alert_states (
    target text NOT NULL,
    policy text NOT NULL,
    subject text NOT NULL,
    level text NOT NULL CHECK (level IN ('no_data', 'ok', 'warning', 'critical')),
    value double precision,
    as_of timestamptz,
    state jsonb NOT NULL,
    PRIMARY KEY (target, policy, subject)
);
