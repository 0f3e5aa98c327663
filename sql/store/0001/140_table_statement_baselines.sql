-- purpose: what was normal for each statement on the eve of a day, by hour of week with fall-back tiers
-- minimum version: 14
CREATE TABLE perf_mgmt.statement_baselines (
    target_id integer NOT NULL REFERENCES ledger.targets,
    day date NOT NULL,
    userid bigint NOT NULL,
    dbid bigint NOT NULL,
    queryid bigint NOT NULL,
    toplevel boolean NOT NULL,
    metric text NOT NULL,
    tier text NOT NULL CHECK (tier IN ('hour_of_week', 'hour_of_day', 'all', 'initial')),
    slot smallint NOT NULL,
    samples integer NOT NULL,
    calls bigint NOT NULL,
    center double precision NOT NULL,
    spread double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    PRIMARY KEY (target_id, day, queryid, userid, dbid, toplevel, metric, tier, slot)
) PARTITION BY RANGE (day);
