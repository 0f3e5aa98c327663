-- purpose: a guest orders some of an item
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, random_customer, random_product, generated_order_items
WITH line AS (
    SELECT i.id, i.price, i.price * :generated_order_items::integer AS total, r.commission_rate
    FROM menuca.menu_items AS i
    JOIN menuca.restaurants AS r ON r.tenant_id = i.tenant_id AND r.id = i.restaurant_id
    WHERE i.tenant_id = :random_tenant AND i.restaurant_id = :random_tenant AND i.status = 'available'
    ORDER BY i.id
    OFFSET :random_product::integer % 5
    LIMIT 1
),
placed AS (
    INSERT INTO menuca.orders (tenant_id, restaurant_id, user_id, total_amount, commission_amount)
    SELECT :random_tenant, :random_tenant, :random_customer, total, round(total * commission_rate, 2)
    FROM line
    RETURNING id
)
INSERT INTO menuca.order_items (tenant_id, order_id, line_no, menu_item_id, quantity, unit_price)
SELECT :random_tenant, placed.id, 1, line.id, :generated_order_items::integer, line.price
FROM placed
CROSS JOIN line;
