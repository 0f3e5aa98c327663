-- purpose: a guest orders one to three of an item, if there is some
-- minimum version: 14
-- weight: 6
\set restaurant random(1, :restaurants)
\set tenant case when :restaurant <= :tenants then :restaurant else ((:restaurant - :tenants - 1) / 2 + 1) * 10 end
\set user (:tenant - 1) * :users_per_tenant + random(5, :users_per_tenant)
\set item (:restaurant - 1) * :items_per_restaurant + random(1, :items_per_restaurant)
\set quantity random(1, 3)
WITH line AS (
    SELECT i.id, i.price, i.price * :quantity AS total, r.commission_rate
    FROM menuca.menu_items AS i
    JOIN menuca.restaurants AS r ON r.tenant_id = i.tenant_id AND r.id = i.restaurant_id
    WHERE i.tenant_id = :tenant AND r.tenant_id = :tenant AND i.id = :item AND i.status = 'available'
),
placed AS (
    INSERT INTO menuca.orders (tenant_id, restaurant_id, user_id, total_amount, commission_amount)
    SELECT :tenant, :restaurant, :user, total, round(total * commission_rate, 2)
    FROM line
    RETURNING id
)
INSERT INTO menuca.order_items (tenant_id, order_id, line_no, menu_item_id, quantity, unit_price)
SELECT :tenant, placed.id, 1, line.id, :quantity, line.price
FROM placed
CROSS JOIN line;
