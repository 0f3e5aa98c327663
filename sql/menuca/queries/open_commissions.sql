-- purpose: what a restaurant of the tenant owes and was not invoiced yet, newest first (M-08)
-- minimum version: 14
-- parameters: tenant_id, restaurant_id
SELECT c.id, c.commission_day, c.orders, c.amount, c.calculated_at
FROM menuca.commissions AS c
JOIN menuca.restaurants AS r ON r.id = c.restaurant_id
WHERE r.tenant_id = %(tenant_id)s
  AND c.restaurant_id = %(restaurant_id)s
  AND c.status = 'calculated'
ORDER BY c.calculated_at DESC, c.id
