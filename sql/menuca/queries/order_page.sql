-- purpose: 25 orders of the tenant, newest first, after the last one of the page before
-- minimum version: 14
-- parameters: tenant_id, before_placed_at ('infinity' for the first page), before_id
SELECT id, restaurant_id, status, total_amount, placed_at
FROM menuca.orders
WHERE tenant_id = %(tenant_id)s
  AND (placed_at, id) < (%(before_placed_at)s::timestamptz, %(before_id)s::bigint)
ORDER BY placed_at DESC, id DESC
LIMIT 25
