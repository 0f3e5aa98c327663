-- purpose: how far each stage of a target's day has got: the newest sweep that its result covers
-- minimum version: 14
CREATE TABLE perf_mgmt.day_progress (
    target_id integer NOT NULL REFERENCES ledger.targets,
    day date NOT NULL,
    stage text NOT NULL CHECK (stage IN ('rollup', 'baseline', 'findings', 'report')),
    covered timestamptz NOT NULL,
    PRIMARY KEY (target_id, day, stage)
);
