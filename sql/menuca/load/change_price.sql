-- purpose: a manager changes a price; caches are told
-- minimum version: 14
-- weight: 2
\set restaurant random(1, :restaurants)
\set tenant case when :restaurant <= :tenants then :restaurant else ((:restaurant - :tenants - 1) / 2 + 1) * 10 end
\set item (:restaurant - 1) * :items_per_restaurant + random(1, :items_per_restaurant)
\set cents random(300, 2500)
UPDATE menuca.menu_items
SET price = :cents / 100.0, updated_at = now()
WHERE tenant_id = :tenant AND id = :item;
