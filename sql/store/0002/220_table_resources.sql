-- purpose: what a server had a fixed number of at the instant of a sweep, and how much of it was taken
-- minimum version: 14
CREATE TABLE ledger.resources (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    resource text NOT NULL,
    used bigint,
    capacity bigint NOT NULL
) PARTITION BY RANGE (ts);
