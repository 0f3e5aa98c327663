-- purpose: what a shop has to order again
-- minimum version: 14
-- kind: read
-- parameters: random_tenant
SELECT i.product_number, p.name, i.current_stock, i.reorder_level
FROM ret.inventory AS i
JOIN ret.products AS p ON p.business_id = i.business_id AND p.product_number = i.product_number
WHERE i.business_id = :random_tenant AND i.current_stock <= i.reorder_level AND i.is_active
ORDER BY i.current_stock - i.reorder_level, i.product_number;
