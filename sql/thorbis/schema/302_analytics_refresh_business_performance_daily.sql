-- purpose: function analytics.refresh_business_performance_daily: refreshes the view without stopping its readers (T-21)
-- minimum version: 14
CREATE OR REPLACE FUNCTION analytics.refresh_business_performance_daily()
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    populated boolean := (
        SELECT c.relispopulated FROM pg_class AS c WHERE c.oid = 'analytics.business_performance_daily'::regclass
    );
BEGIN
    IF populated THEN
        REFRESH MATERIALIZED VIEW CONCURRENTLY analytics.business_performance_daily;
    ELSE  -- the first time there is nobody to stop, and no other way
        REFRESH MATERIALIZED VIEW analytics.business_performance_daily;
    END IF;
    RETURN populated;
END
$$;
COMMENT ON FUNCTION analytics.refresh_business_performance_daily()
    IS 'Refresh analytics.business_performance_daily; returns whether its readers could go on meanwhile.';
