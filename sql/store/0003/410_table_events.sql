-- purpose: what people, deployments and Dagster did to a target, as told to us; target_id NULL: to every target
-- minimum version: 14
CREATE TABLE perf_mgmt.events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target_id integer REFERENCES ledger.targets,
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
    object text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz CHECK (ended_at >= began_at),
    detail text NOT NULL,
    source text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
