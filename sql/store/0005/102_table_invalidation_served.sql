-- purpose: what a drain did for one cache type: refreshes, what they spared, failures, how stale it had been
-- minimum version: 14
-- Staleness: seconds from the first change of an entity until it was refreshed; null where none was.
CREATE TABLE maintenance.invalidation_served (
    drain_id bigint NOT NULL REFERENCES maintenance.invalidation_drains ON DELETE CASCADE,
    cache_type text NOT NULL,
    changes bigint NOT NULL,
    refreshed bigint NOT NULL,
    changed_meanwhile bigint NOT NULL,
    failed bigint NOT NULL,
    dead bigint NOT NULL,
    lost_lease bigint NOT NULL,
    staleness_p50_s double precision,
    staleness_p99_s double precision,
    staleness_max_s double precision,
    calls bigint NOT NULL,
    process_s double precision NOT NULL,
    slowest_s double precision NOT NULL,
    -- why the whole cache type could not be served; null: it could
    down text,
    PRIMARY KEY (drain_id, cache_type)
);
