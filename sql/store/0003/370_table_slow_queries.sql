-- purpose: statements that took more than 100 ms per call on a day, against what was normal for them; NULL: not known
-- minimum version: 14
CREATE TABLE perf_mgmt.slow_queries (
    target_id integer NOT NULL REFERENCES ledger.targets,
    day date NOT NULL,
    userid bigint NOT NULL,
    dbid bigint NOT NULL,
    queryid bigint NOT NULL,
    toplevel boolean NOT NULL,
    source ledger.source NOT NULL,
    category text NOT NULL CHECK (category IN ('dashboard', 'reporting', 'compliance', 'general')),
    calls bigint NOT NULL,
    total_ms double precision NOT NULL,
    mean_ms double precision NOT NULL,
    io_ms double precision,
    rows bigint,
    baseline_ms double precision,
    baseline_samples integer,
    change double precision,
    state text NOT NULL CHECK (state IN ('CRITICAL', 'WARNING', 'DEGRADED', 'NORMAL', 'NO_BASELINE')),
    watched boolean NOT NULL,
    priority perf_mgmt.alert_severity_enum NOT NULL,
    io_bound boolean,
    replica_candidate boolean,
    action text NOT NULL,
    PRIMARY KEY (target_id, day, queryid, userid, dbid, toplevel)
) PARTITION BY RANGE (day);
