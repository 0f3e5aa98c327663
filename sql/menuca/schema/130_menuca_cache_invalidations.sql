-- purpose: table menuca.cache_invalidations: one row per statement and tenant: what caches must forget (M-25)
-- minimum version: 14
-- An outbox: a reader deletes what it has told the caches. A notification alone would be lost on a
-- reader that is away.
CREATE TABLE IF NOT EXISTS menuca.cache_invalidations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,
    tenant_id bigint,
    record_ids bigint[],
    action text NOT NULL CHECK (action IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')),
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE menuca.cache_invalidations IS 'One row per statement and tenant: what caches must forget; no ids means every record, no tenant every tenant.';
