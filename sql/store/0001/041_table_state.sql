-- purpose: the counters of each target's last sweep, one compressed frame per family; replaced with its interval
-- minimum version: 14
CREATE TABLE ledger.state (
    target_id integer NOT NULL REFERENCES ledger.targets,
    family text NOT NULL,
    ts timestamptz NOT NULL,
    row_count integer NOT NULL,
    frame bytea NOT NULL,
    PRIMARY KEY (target_id, family)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);
