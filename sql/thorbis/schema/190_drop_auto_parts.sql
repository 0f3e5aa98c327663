-- purpose: table auto.parts is no more: auto.parts_inventory is in its place, with the described columns
-- minimum version: 14
DROP TABLE IF EXISTS auto.parts;
