-- purpose: a manager looks at the last four weeks (M-09)
-- minimum version: 14
-- weight: 4
\set restaurant random(1, :restaurants)
\set tenant case when :restaurant <= :tenants then :restaurant else ((:restaurant - :tenants - 1) / 2 + 1) * 10 end
SELECT order_day, count(*), sum(total_amount), sum(commission_amount)
FROM menuca.orders
WHERE tenant_id = :tenant
  AND restaurant_id = :restaurant
  AND order_day >= (now() AT TIME ZONE 'UTC')::date - 28
  AND status = 'delivered'
GROUP BY order_day
ORDER BY order_day;
