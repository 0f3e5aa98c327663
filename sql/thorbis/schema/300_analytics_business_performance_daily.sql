-- purpose: materialized view analytics.business_performance_daily: what was completed per tenant and UTC day, by industry (T-21)
-- minimum version: 14
-- The industries are put one under the other before they are summed: joined by their tenant alone,
-- each order would count as often as another industry has some. The window begins with a whole day.
CREATE MATERIALIZED VIEW IF NOT EXISTS analytics.business_performance_daily AS
WITH completed AS (
    SELECT business_id, completed_at AS at, total_amount AS hs, 0 AS auto, 0 AS rest, 0 AS ret
    FROM hs.work_orders
    WHERE status = 'completed'
    UNION ALL
    SELECT business_id, completed_at, 0, total_amount, 0, 0
    FROM auto.repair_orders
    WHERE status = 'completed'
    UNION ALL
    SELECT business_id, completed_at, 0, 0, total_amount, 0
    FROM rest.orders
    WHERE status = 'completed'
    UNION ALL
    SELECT business_id, transaction_date, 0, 0, 0, total_amount
    FROM ret.transactions
    WHERE payment_status = 'completed'
)
SELECT
    business_id,
    (at AT TIME ZONE 'UTC')::date AS performance_date,
    sum(hs) AS hs_revenue,
    sum(auto) AS auto_revenue,
    sum(rest) AS rest_revenue,
    sum(ret) AS ret_revenue,
    count(*) AS total_orders,
    sum(hs + auto + rest + ret) AS total_revenue
FROM completed
WHERE at >= (date_trunc('day', now() AT TIME ZONE 'UTC') - interval '2 years') AT TIME ZONE 'UTC'
GROUP BY business_id, (at AT TIME ZONE 'UTC')::date
WITH NO DATA;
COMMENT ON MATERIALIZED VIEW analytics.business_performance_daily IS
    'One row per tenant and UTC day on which it completed something in the last two years; each order counts once.';
