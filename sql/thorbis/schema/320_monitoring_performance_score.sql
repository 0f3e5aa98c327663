-- purpose: function monitoring.performance_score: how well a tenant is served, 0 to 100 (T-42)
-- minimum version: 14
-- The best there is, is 100: what the cache hits is no bonus, what it misses is a loss.
CREATE OR REPLACE FUNCTION monitoring.performance_score(
    error_percent double precision, avg_response_ms double precision, cache_hit_percent double precision
)
RETURNS double precision
LANGUAGE sql
IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT greatest(
        0, 100 - error_percent - least(avg_response_ms / 10, 50) - (100 - cache_hit_percent) * 0.5
    )
$$;
COMMENT ON FUNCTION monitoring.performance_score(double precision, double precision, double precision) IS
    '100 less the errors in percent, a tenth of the milliseconds (50 at most) and half of what the cache missed; NULL where one of them is unknown.';
