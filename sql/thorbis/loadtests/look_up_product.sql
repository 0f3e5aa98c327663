-- purpose: a scanner asks for a product's price
-- minimum version: 14
-- kind: read
-- parameters: random_tenant, random_product
SELECT name, unit_price, stock
FROM ret.products
WHERE business_id = :random_tenant AND product_number = :random_product;
