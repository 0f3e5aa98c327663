-- purpose: what a guest can order in a restaurant of the tenant (M-07)
-- minimum version: 14
-- parameters: tenant_id, restaurant_id
SELECT id, menu_id, name, description, price
FROM menuca.menu_items
WHERE tenant_id = %(tenant_id)s
  AND restaurant_id = %(restaurant_id)s
  AND status = 'available'
ORDER BY menu_id, name, id
