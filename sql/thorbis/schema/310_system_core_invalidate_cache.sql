-- purpose: function system_core.invalidate_cache: orders what caches must forget, durably (T-30)
-- minimum version: 14
-- The order is a row; the notification only wakes a reader up, and names the row, not the pattern, which
-- may be longer than a notification. A commit with a notification waits for every other one of the
-- server, so only the first of the waiting orders sends one: readers also look by themselves.
CREATE OR REPLACE FUNCTION system_core.invalidate_cache(pattern text, business bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting constant boolean := EXISTS (SELECT FROM system_core.cache_invalidations);
    noted bigint;
BEGIN
    INSERT INTO system_core.cache_invalidations (pattern, business_id)
    VALUES (invalidate_cache.pattern, business)
    RETURNING id INTO noted;
    IF NOT waiting THEN
        PERFORM pg_notify('cache_invalidate', noted::text);
    END IF;
    RETURN noted;
END
$$;
COMMENT ON FUNCTION system_core.invalidate_cache(text, bigint) IS
    'Order that caches forget what matches a pattern, of one tenant or of all; returns the number of the order.';
