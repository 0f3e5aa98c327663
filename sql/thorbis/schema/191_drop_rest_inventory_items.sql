-- purpose: table rest.inventory_items is no more: rest.inventory is in its place, with the described columns
-- minimum version: 14
DROP TABLE IF EXISTS rest.inventory_items;
