-- purpose: a scanner asks for a product's price
-- minimum version: 14
-- kind: read
-- parameters: random_tenant, random_product
SELECT p.name, p.unit_price, i.current_stock
FROM ret.products AS p
JOIN ret.inventory AS i ON i.business_id = p.business_id AND i.product_number = p.product_number
WHERE p.business_id = :random_tenant AND p.product_number = :random_product;
