-- purpose: function monitoring.get_business_performance_summary: a tenant's last hours in one row (T-41)
-- minimum version: 14
CREATE OR REPLACE FUNCTION monitoring.get_business_performance_summary(
    business bigint, period interval DEFAULT '24 hours'
)
RETURNS TABLE (
    reports bigint,
    avg_response_ms double precision,
    avg_transactions_per_minute double precision,
    error_percent double precision,
    cache_hit_percent double precision,
    peak_active_users integer,
    score double precision
)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH reported AS (
        SELECT m.*, coalesce(m.transactions_per_minute, 0) AS weight
        FROM monitoring.business_performance_metrics AS m
        WHERE m.business_id = business AND m.measured_at > now() - period
    ), summed AS (
        SELECT
            count(*) AS reports,
            sum(r.avg_response_ms * r.weight)
                / nullif(sum(r.weight) FILTER (WHERE r.avg_response_ms IS NOT NULL), 0) AS response,
            avg(r.transactions_per_minute) AS transactions,
            sum(r.error_percent * r.weight)
                / nullif(sum(r.weight) FILTER (WHERE r.error_percent IS NOT NULL), 0) AS errors,
            sum(r.cache_hit_percent * r.weight)
                / nullif(sum(r.weight) FILTER (WHERE r.cache_hit_percent IS NOT NULL), 0) AS hits,
            max(r.active_users) AS users
        FROM reported AS r
    )
    SELECT
        s.reports, s.response, s.transactions, s.errors, s.hits, s.users,
        monitoring.performance_score(s.errors, s.response, s.hits)
    FROM summed AS s
$$;
COMMENT ON FUNCTION monitoring.get_business_performance_summary(bigint, interval) IS
    'One row: the reports of a period, averages weighted by transactions, and the score; without a report all but their number is NULL.';
