-- purpose: what a kitchen has to order again
-- minimum version: 14
-- kind: read
-- parameters: random_tenant
SELECT item_number, name, quantity, reorder_level
FROM rest.inventory_items
WHERE business_id = :random_tenant AND quantity <= reorder_level
ORDER BY quantity - reorder_level, item_number;
