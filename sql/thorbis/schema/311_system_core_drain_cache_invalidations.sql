-- purpose: function system_core.drain_cache_invalidations: takes the oldest orders to forget, each once (T-30)
-- minimum version: 14
-- They are gone with the caller's commit: tell the caches first. Several readers do not wait for
-- each other.
CREATE OR REPLACE FUNCTION system_core.drain_cache_invalidations(at_most integer)
RETURNS SETOF system_core.cache_invalidations
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM system_core.cache_invalidations
    WHERE id = ANY (ARRAY(
        SELECT id
        FROM system_core.cache_invalidations
        ORDER BY id
        LIMIT at_most
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING *
$$;
COMMENT ON FUNCTION system_core.drain_cache_invalidations(integer) IS
    'Delete and return the oldest orders to forget; tell the caches before the commit.';
