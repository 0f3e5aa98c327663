-- purpose: what a part of ours measured of a target beside the sweeps, for alerts and trends: queues, orphans, headroom; kept for 40 days
-- minimum version: 14
CREATE TABLE monitoring.measurements (
    target text NOT NULL CHECK (target <> ''),
    metric text NOT NULL CHECK (metric <> ''),
    -- what of the target: a cache type, a table; '': the whole of it
    subject text NOT NULL DEFAULT '',
    ts timestamptz NOT NULL,
    value double precision NOT NULL CHECK (value > '-Infinity' AND value < 'Infinity'),
    PRIMARY KEY (target, metric, subject, ts)
);
