-- purpose: a manager looks at the last four weeks
-- minimum version: 14
-- kind: read
-- parameters: random_tenant
SELECT order_day, count(*), sum(total_amount), sum(commission_amount)
FROM menuca.orders
WHERE tenant_id = :random_tenant
  AND restaurant_id = :random_tenant
  AND order_day >= (now() AT TIME ZONE 'UTC')::date - 28
  AND status = 'delivered'
GROUP BY order_day
ORDER BY order_day;
