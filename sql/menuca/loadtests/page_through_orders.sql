-- purpose: a manager goes through the company's orders of some days ago, 25 at a time
-- minimum version: 14
-- kind: read
-- parameters: random_tenant, existing_work_order
SELECT id, restaurant_id, status, total_amount, placed_at
FROM menuca.orders
WHERE tenant_id = :random_tenant
  AND (placed_at, id) < (now() - make_interval(days => :existing_work_order::integer), 9223372036854775807)
ORDER BY placed_at DESC, id DESC
LIMIT 25;
