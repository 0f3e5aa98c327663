-- purpose: a table orders: the order with its items, placed (B-32)
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, random_table, generated_order_items, calculated_total
WITH placed AS (
    INSERT INTO rest.orders (business_id, table_id, status, total_amount)
    VALUES (:random_tenant, :random_table, 'placed', :calculated_total::numeric / 100)
    RETURNING business_id, id, total_amount
)
INSERT INTO rest.order_items (business_id, order_id, line, menu_item, unit_price)
SELECT
    p.business_id, p.id, line, 1 + (p.id + line * 7) % 60,
    -- the last line takes what rounding leaves: the lines add up to the total
    CASE
        WHEN line < :generated_order_items THEN round(p.total_amount / :generated_order_items, 2)
        ELSE p.total_amount - (:generated_order_items - 1) * round(p.total_amount / :generated_order_items, 2)
    END
FROM placed AS p
CROSS JOIN generate_series(1, :generated_order_items::integer) AS line;
