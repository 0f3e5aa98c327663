-- purpose: every answer to an incident that a policy names: asked for, looked at, done or only told of, and whether it helped
-- minimum version: 14
CREATE TABLE monitoring.alert_responses (
    response_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- of one incident one answer, until it is asked for again after the pause
    response_key text NOT NULL UNIQUE,
    target text NOT NULL,
    incident_id text NOT NULL,
    policy text NOT NULL,
    action text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('shadow', 'live')),
    state text NOT NULL DEFAULT 'asked' CHECK (state IN (
        'asked', 'would_act', 'approved', 'acting', 'refused', 'done', 'failed', 'helped', 'did_not_help'
    )),
    asked_at timestamptz NOT NULL,
    looked_at timestamptz,
    ended_at timestamptz,
    value_before double precision,
    value_after double precision,
    -- what the action would do, or did; no literals of the user's data
    told text NOT NULL DEFAULT '',
    run_id text
);
