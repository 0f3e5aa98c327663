-- purpose: table guardian.cache_invalidation_queue: one row per patient and cache that is out of date (G-21)
-- minimum version: 14
-- queued_at stays when more changes follow, so that a patient who changes often is served all the same;
-- generation tells whether one followed while the cache was computed. No foreign key: to queue locks
-- no user.
CREATE TABLE IF NOT EXISTS guardian.cache_invalidation_queue (
    patient_id uuid NOT NULL,
    cache_type text NOT NULL DEFAULT 'dashboard' CHECK (cache_type <> ''),
    reason text NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now(),
    last_changed_at timestamptz NOT NULL DEFAULT now(),
    generation bigint NOT NULL DEFAULT 1,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    last_error text,
    PRIMARY KEY (patient_id, cache_type)
);
COMMENT ON TABLE guardian.cache_invalidation_queue IS 'One row per patient and cache that is out of date.';
