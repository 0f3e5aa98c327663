-- purpose: a guest opens the menu of a company's main restaurant
-- minimum version: 14
-- kind: read
-- parameters: random_tenant
SELECT id, menu_id, name, description, price
FROM menuca.menu_items
WHERE tenant_id = :random_tenant AND restaurant_id = :random_tenant AND status = 'available'
ORDER BY menu_id, name, id;
