-- purpose: what people said of findings, each time anew: the newest word of a finding counts, the others are its history
-- minimum version: 14
CREATE TABLE perf_mgmt.feedback (
    feedback_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target_id integer NOT NULL REFERENCES ledger.targets,
    finding_id text NOT NULL,
    incident_id text NOT NULL,
    whole_incident boolean NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('acknowledged', 'expected', 'false', 'cleared')),
    given_by text NOT NULL,
    given_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    -- the change itself: it is recognised by these when it is no finding any more
    userid bigint NOT NULL,
    dbid bigint NOT NULL,
    queryid bigint NOT NULL,
    toplevel boolean NOT NULL,
    metric text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('up', 'down')),
    onset timestamptz NOT NULL,
    tolerance_seconds double precision NOT NULL,
    old_level double precision NOT NULL,
    new_level double precision NOT NULL,
    severity text NOT NULL,
    cause_kind text
);
