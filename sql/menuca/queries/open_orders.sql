-- purpose: the tenant's orders the kitchen has to do with, newest first (M-06)
-- minimum version: 14
-- parameters: tenant_id
SELECT id, restaurant_id, user_id, status, order_type, total_amount, placed_at
FROM menuca.orders
WHERE tenant_id = %(tenant_id)s
  AND status IN ('pending', 'confirmed', 'preparing')  -- literals: with parameters the partial index would not serve
ORDER BY placed_at DESC, id DESC
