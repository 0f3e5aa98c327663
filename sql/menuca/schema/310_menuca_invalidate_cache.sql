-- purpose: function menuca.invalidate_cache: notes for the caches what a statement changed (M-25)
-- minimum version: 14
-- Runs once per statement, not per row. Its argument says where the table keeps its tenant: in
-- `tenant_id`, or behind `restaurant_id`. A row that moves concerns its old and its new tenant. Up to
-- 1,000 records of a tenant are named, beyond that all of the table's count as changed. Nobody's rights
-- are lent: a role that writes these tables needs INSERT and SELECT on the notes.
-- A commit with a notification waits for every other one of the server, its write to disk included. So
-- only a note that finds no other waiting wakes a reader up. A note made while the reader takes the last
-- one can miss it: readers also look by themselves, every half minute, say.
CREATE OR REPLACE FUNCTION menuca.invalidate_cache()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    oldest bigint := (SELECT n.id FROM menuca.cache_invalidations AS n ORDER BY n.id LIMIT 1);
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO menuca.cache_invalidations (table_name, action)
        VALUES (TG_TABLE_NAME, TG_OP);
    ELSIF TG_ARGV[0] = 'tenant_id' AND TG_OP = 'UPDATE' THEN
        INSERT INTO menuca.cache_invalidations (table_name, tenant_id, record_ids, action)
        SELECT TG_TABLE_NAME, c.tenant_id, CASE WHEN count(*) <= 1000 THEN array_agg(c.id ORDER BY c.id) END, TG_OP
        FROM (SELECT tenant_id, id FROM changed UNION SELECT tenant_id, id FROM before) AS c
        GROUP BY c.tenant_id;
    ELSIF TG_ARGV[0] = 'tenant_id' THEN
        INSERT INTO menuca.cache_invalidations (table_name, tenant_id, record_ids, action)
        SELECT TG_TABLE_NAME, c.tenant_id, CASE WHEN count(*) <= 1000 THEN array_agg(c.id ORDER BY c.id) END, TG_OP
        FROM changed AS c
        GROUP BY c.tenant_id;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO menuca.cache_invalidations (table_name, tenant_id, record_ids, action)
        SELECT TG_TABLE_NAME, r.tenant_id, CASE WHEN count(*) <= 1000 THEN array_agg(c.id ORDER BY c.id) END, TG_OP
        FROM (SELECT restaurant_id, id FROM changed UNION SELECT restaurant_id, id FROM before) AS c
        JOIN menuca.restaurants AS r ON r.id = c.restaurant_id
        GROUP BY r.tenant_id;
    ELSE
        INSERT INTO menuca.cache_invalidations (table_name, tenant_id, record_ids, action)
        SELECT TG_TABLE_NAME, r.tenant_id, CASE WHEN count(*) <= 1000 THEN array_agg(c.id ORDER BY c.id) END, TG_OP
        FROM changed AS c
        JOIN menuca.restaurants AS r ON r.id = c.restaurant_id
        GROUP BY r.tenant_id;
    END IF;
    IF FOUND AND oldest IS NULL THEN
        PERFORM pg_notify('cache_invalidation', '');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION menuca.invalidate_cache()
    IS 'Statement trigger: writes to menuca.cache_invalidations, one row per tenant, and wakes a reader up if none waited.';
