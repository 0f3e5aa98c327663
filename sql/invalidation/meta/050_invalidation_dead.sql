-- purpose: table perf_pipeline_meta.invalidation_dead: entries that failed too often; kept until somebody puts them back
-- minimum version: 14
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.invalidation_dead (
    cache_type text NOT NULL,
    entity text NOT NULL,
    generation bigint NOT NULL,
    first_queued_at timestamptz NOT NULL,
    last_queued_at timestamptz NOT NULL,
    changes bigint NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL,
    last_error text NOT NULL,
    died_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    deaths integer NOT NULL DEFAULT 1,
    PRIMARY KEY (cache_type, entity)
)
