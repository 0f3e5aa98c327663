-- purpose: how small a change would be seen in each statement as of a day, or why nothing can be said of it
-- minimum version: 14
CREATE TABLE perf_mgmt.detectability (
    target_id integer NOT NULL REFERENCES ledger.targets,
    week date NOT NULL,
    as_of date NOT NULL,
    userid bigint NOT NULL,
    dbid bigint NOT NULL,
    queryid bigint NOT NULL,
    toplevel boolean NOT NULL,
    metric text NOT NULL,
    grain text NOT NULL CHECK (grain IN ('sweep', 'hour')),
    outcome text NOT NULL,
    samples bigint NOT NULL,
    calls_per_sample double precision,
    total_ms double precision NOT NULL,
    noise double precision,
    smallest_change double precision,
    smallest_change_day double precision,
    PRIMARY KEY (target_id, week, queryid, userid, dbid, toplevel, metric)
) PARTITION BY RANGE (week);
