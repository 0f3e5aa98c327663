-- purpose: each piece of advice that was given, since when and until when, and what became of it
-- minimum version: 14
CREATE TABLE perf_mgmt.advice (
    target_id integer NOT NULL REFERENCES ledger.targets,
    area text NOT NULL,
    kind text NOT NULL,
    object_name text NOT NULL,
    first_given date NOT NULL,
    last_given date NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'warning', 'info')),
    -- what was said when it was last given
    content jsonb NOT NULL,
    -- since when it was not given any more; null: it still is
    gone_since date,
    -- what was measured after it was followed; null: nothing yet
    outcome text CHECK (outcome IN ('confirmed', 'no_gain')),
    measured jsonb,
    PRIMARY KEY (target_id, area, kind, object_name)
);
