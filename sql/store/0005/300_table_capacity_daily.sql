-- purpose: how much of each thing that can run out was taken on a day, the most of it; kept for years: a row per thing and day
-- minimum version: 14
CREATE TABLE perf_mgmt.capacity_daily (
    target_id integer NOT NULL REFERENCES ledger.targets,
    day date NOT NULL,
    resource text NOT NULL,
    -- the sequence, partitioned table or device; empty: there is one of the kind
    object text NOT NULL,
    used double precision NOT NULL CHECK (used >= 0),
    -- null: no limit
    capacity double precision CHECK (capacity > 0),
    unit text NOT NULL,
    PRIMARY KEY (target_id, resource, object, day)
);
