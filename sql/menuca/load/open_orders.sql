-- purpose: the kitchen looks at what is to do (M-06)
-- minimum version: 14
-- weight: 18
\set restaurant random(1, :restaurants)
\set tenant case when :restaurant <= :tenants then :restaurant else ((:restaurant - :tenants - 1) / 2 + 1) * 10 end
SELECT id, restaurant_id, user_id, status, order_type, total_amount, placed_at
FROM menuca.orders
WHERE tenant_id = :tenant AND status IN ('pending', 'confirmed', 'preparing')
ORDER BY placed_at DESC, id DESC
LIMIT 50;
