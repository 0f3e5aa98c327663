-- purpose: what a shop has to order again
-- minimum version: 14
-- kind: read
-- parameters: random_tenant
SELECT product_number, name, stock, reorder_level
FROM ret.products
WHERE business_id = :random_tenant AND stock <= reorder_level
ORDER BY stock - reorder_level, product_number;
