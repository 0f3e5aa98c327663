-- purpose: function menuca.drain_cache_invalidations: takes the oldest notes for the caches, each once
-- minimum version: 14
-- They are gone with the caller's commit: tell the caches first. Several readers do not wait for
-- each other.
CREATE OR REPLACE FUNCTION menuca.drain_cache_invalidations(at_most integer)
RETURNS SETOF menuca.cache_invalidations
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM menuca.cache_invalidations
    WHERE id = ANY (ARRAY(
        SELECT id
        FROM menuca.cache_invalidations
        ORDER BY id
        LIMIT at_most
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING *
$$;
COMMENT ON FUNCTION menuca.drain_cache_invalidations(integer)
    IS 'Delete and return the oldest notes for the caches; tell the caches before the commit.';
