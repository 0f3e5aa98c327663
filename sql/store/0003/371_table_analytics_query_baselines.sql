-- purpose: each Monday: what was normal for the statements worth watching, and the limits that follow; weeks are appended, none is changed by a later one
-- minimum version: 14
CREATE TABLE perf_mgmt.analytics_query_baselines (
    target_id integer NOT NULL REFERENCES ledger.targets,
    week date NOT NULL CHECK (extract(ISODOW FROM week) = 1),
    userid bigint NOT NULL,
    dbid bigint NOT NULL,
    queryid bigint NOT NULL,
    toplevel boolean NOT NULL,
    category text NOT NULL CHECK (category IN ('dashboard', 'reporting', 'compliance', 'general')),
    calls bigint NOT NULL,
    baseline_ms double precision NOT NULL,
    baseline_samples integer NOT NULL,
    io_ms double precision,
    rows_returned double precision,
    replica_candidate boolean,
    warning_ms double precision NOT NULL,
    critical_ms double precision NOT NULL,
    PRIMARY KEY (target_id, week, queryid, userid, dbid, toplevel),
    CHECK (warning_ms > baseline_ms AND critical_ms > warning_ms)
);
