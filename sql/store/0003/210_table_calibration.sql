-- purpose: how often the detector is wrong on a target's own shuffled history, and which injected steps it finds
-- minimum version: 14
CREATE TABLE perf_mgmt.calibration (
    target_id integer NOT NULL REFERENCES ledger.targets,
    week date NOT NULL,
    as_of date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('unchanged', 'injected')),
    factor double precision NOT NULL,
    calls_class text NOT NULL,
    series integer NOT NULL,
    trials integer NOT NULL,
    series_days double precision NOT NULL,
    hits integer NOT NULL,
    rate double precision NOT NULL,
    rate_low double precision NOT NULL,
    rate_high double precision NOT NULL,
    median_delay double precision,
    PRIMARY KEY (target_id, week, kind, factor, calls_class)
) PARTITION BY RANGE (week);
