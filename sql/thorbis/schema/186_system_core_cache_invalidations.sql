-- purpose: table system_core.cache_invalidations: one row per order to forget what caches keep
-- minimum version: 14
-- An outbox: a reader deletes what it has told the caches. A notification alone would be lost on a
-- reader that is away.
CREATE TABLE IF NOT EXISTS system_core.cache_invalidations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pattern text NOT NULL CHECK (pattern <> ''),
    business_id bigint REFERENCES tenant_mgmt.businesses (id),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE system_core.cache_invalidations IS 'One row per order to forget what caches keep; no tenant means every tenant.';
