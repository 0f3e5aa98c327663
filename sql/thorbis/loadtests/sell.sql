-- purpose: a till sells some pieces of a product
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, random_product, random_service, generated_order_items
WITH taken AS (
    UPDATE ret.products
    SET stock = stock - :generated_order_items::integer
    WHERE business_id = :random_tenant AND product_number = :random_product
    RETURNING business_id, unit_price
)
INSERT INTO ret.transactions (business_id, register_id, payment_status, total_amount)
SELECT business_id, :random_service, 'completed', unit_price * :generated_order_items::integer
FROM taken;
