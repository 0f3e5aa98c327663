-- purpose: delivered orders, revenue and commission of a restaurant per UTC day since a day (M-09)
-- minimum version: 14
-- parameters: tenant_id, restaurant_id, since
SELECT
    order_day,
    count(*) AS orders,
    sum(total_amount) AS revenue,
    sum(commission_amount) AS commission,
    round(avg(total_amount), 2) AS average
FROM menuca.orders
WHERE tenant_id = %(tenant_id)s
  AND restaurant_id = %(restaurant_id)s
  AND order_day >= %(since)s
  AND status = 'delivered'
GROUP BY order_day
ORDER BY order_day
