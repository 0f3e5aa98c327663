-- purpose: a part is taken from the shelf
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, random_product
UPDATE auto.parts_inventory
SET current_stock = current_stock - 1
WHERE business_id = :random_tenant AND part_number = :random_product
RETURNING current_stock, reorder_point;
