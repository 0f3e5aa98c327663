-- purpose: a guest opens a restaurant's menu (M-07)
-- minimum version: 14
-- weight: 29
\set restaurant random(1, :restaurants)
\set tenant case when :restaurant <= :tenants then :restaurant else ((:restaurant - :tenants - 1) / 2 + 1) * 10 end
SELECT id, menu_id, name, description, price
FROM menuca.menu_items
WHERE tenant_id = :tenant AND restaurant_id = :restaurant AND status = 'available'
ORDER BY menu_id, name, id;
