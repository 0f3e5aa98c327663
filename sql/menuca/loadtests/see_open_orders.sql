-- purpose: the kitchen looks at what is to do
-- minimum version: 14
-- kind: read
-- parameters: random_tenant
SELECT id, restaurant_id, user_id, status, order_type, total_amount, placed_at
FROM menuca.orders
WHERE tenant_id = :random_tenant AND status IN ('pending', 'confirmed', 'preparing')
ORDER BY placed_at DESC, id DESC
LIMIT 50;
