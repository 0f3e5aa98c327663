-- purpose: the next page of 25 of the tenant's orders, newest first
-- minimum version: 14
-- weight: 8
\set restaurant random(1, :restaurants)
\set tenant case when :restaurant <= :tenants then :restaurant else ((:restaurant - :tenants - 1) / 2 + 1) * 10 end
\set days random(0, 300)
SELECT id, restaurant_id, status, total_amount, placed_at
FROM menuca.orders
WHERE tenant_id = :tenant
  AND (placed_at, id) < (now() - :days * interval '1 day', 9223372036854775807)
ORDER BY placed_at DESC, id DESC
LIMIT 25;
