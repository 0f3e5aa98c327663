-- purpose: what a kitchen has to order again
-- minimum version: 14
-- kind: read
-- parameters: random_tenant
SELECT item_number, name, current_quantity, minimum_quantity
FROM rest.inventory
WHERE business_id = :random_tenant AND current_quantity <= minimum_quantity
ORDER BY current_quantity - minimum_quantity, item_number;
