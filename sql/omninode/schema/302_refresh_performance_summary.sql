-- purpose: function omninode.refresh_performance_summary: anew, while readers go on (O-15)
-- minimum version: 14
CREATE OR REPLACE FUNCTION omninode.refresh_performance_summary()
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY omninode.performance_summary;
END
$$;
COMMENT ON FUNCTION omninode.refresh_performance_summary IS 'Computes performance_summary anew, while readers go on.';
