-- purpose: table perf_pipeline_meta.invalidation_queue: one row per entity whose cached values are to be made anew (G-21)
-- minimum version: 14
-- Written by workers only, never by a transaction of the application. `changes` is how many entries of
-- the log were folded into it. `again_first_at` and `again_changes` are of those that came while a
-- worker had it: what is left of it when that worker is done.
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.invalidation_queue (
    cache_type text NOT NULL CHECK (cache_type <> ''),
    entity text NOT NULL,
    generation bigint NOT NULL,
    first_queued_at timestamptz NOT NULL,
    last_queued_at timestamptz NOT NULL,
    changes bigint NOT NULL DEFAULT 1 CHECK (changes > 0),
    reason text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    last_error text,
    leased_until timestamptz,
    lease_id uuid,
    again_first_at timestamptz,
    again_changes bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (cache_type, entity)
) WITH (fillfactor = 45)
