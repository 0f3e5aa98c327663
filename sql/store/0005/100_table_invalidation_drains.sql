-- purpose: one row per drain of a target's queue of invalidations that did something
-- minimum version: 14
CREATE TABLE maintenance.invalidation_drains (
    drain_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    started_at timestamptz NOT NULL,
    seconds double precision NOT NULL CHECK (seconds >= 0),
    ended text NOT NULL CHECK (ended IN ('idle', 'budget', 'stopped')),
    -- entries of the target's log that this drain moved to the queue
    folded bigint NOT NULL,
    unknown bigint NOT NULL,
    -- what was left: entries of queue and log, seconds since the first change of the oldest, dead entries
    waiting bigint NOT NULL,
    oldest_s double precision,
    dead bigint NOT NULL
);
