-- purpose: materialized view menuca.restaurant_analytics: delivered orders per restaurant and UTC day of the last 30 days (M-12)
-- minimum version: 14
-- Whole UTC days: thirty and today. A restaurant without orders has one row, on the first of these
-- days: a key without a day would match nothing, and the row would be made anew by every refresh.
CREATE MATERIALIZED VIEW IF NOT EXISTS menuca.restaurant_analytics AS
SELECT
    r.tenant_id,
    r.id AS restaurant_id,
    coalesce(o.order_day, w.first_day) AS order_date,
    count(o.id) AS order_count,
    coalesce(sum(o.total_amount), 0) AS total_revenue,
    coalesce(sum(o.commission_amount), 0) AS total_commission,
    round(avg(o.total_amount), 2) AS average_order
FROM menuca.restaurants AS r
CROSS JOIN (SELECT (now() AT TIME ZONE 'UTC')::date - 30 AS first_day) AS w
LEFT JOIN menuca.orders AS o
    ON o.tenant_id = r.tenant_id
    AND o.restaurant_id = r.id
    AND o.status = 'delivered'
    AND o.order_day >= w.first_day
GROUP BY r.tenant_id, r.id, coalesce(o.order_day, w.first_day)
WITH NO DATA;
COMMENT ON MATERIALIZED VIEW menuca.restaurant_analytics
    IS 'One row per restaurant and UTC day with delivered orders in the last 30 days; average_order is NULL without any.';
