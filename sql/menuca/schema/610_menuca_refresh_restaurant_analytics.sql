-- purpose: function menuca.refresh_restaurant_analytics: refreshes the view without stopping its readers (M-14)
-- minimum version: 14
CREATE OR REPLACE FUNCTION menuca.refresh_restaurant_analytics()
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    populated boolean := (
        SELECT c.relispopulated FROM pg_class AS c WHERE c.oid = 'menuca.restaurant_analytics'::regclass
    );
BEGIN
    IF populated THEN
        REFRESH MATERIALIZED VIEW CONCURRENTLY menuca.restaurant_analytics;
    ELSE  -- the first time there is nobody to stop, and no other way
        REFRESH MATERIALIZED VIEW menuca.restaurant_analytics;
    END IF;
    RETURN populated;
END
$$;
COMMENT ON FUNCTION menuca.refresh_restaurant_analytics()
    IS 'Refresh menuca.restaurant_analytics; returns whether its readers could go on meanwhile.';
