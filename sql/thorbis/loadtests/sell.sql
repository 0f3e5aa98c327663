-- purpose: a till sells some pieces of a product
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, random_product, random_service, generated_order_items
WITH taken AS (
    UPDATE ret.inventory
    SET current_stock = current_stock - :generated_order_items::integer
    WHERE business_id = :random_tenant AND product_number = :random_product
    RETURNING business_id, product_number
), sold AS (
    SELECT p.business_id, p.id AS product_id, p.unit_price
    FROM taken AS t
    JOIN ret.products AS p USING (business_id, product_number)
), paid AS (
    INSERT INTO ret.transactions (business_id, register_id, payment_status, total_amount)
    SELECT business_id, :random_service, 'completed', unit_price * :generated_order_items::integer
    FROM sold
    RETURNING business_id, id
)
INSERT INTO ret.transaction_items (business_id, transaction_id, line, product_id, quantity_sold, unit_price)
SELECT s.business_id, p.id, 1, s.product_id, :generated_order_items::integer, s.unit_price
FROM sold AS s
CROSS JOIN paid AS p;
