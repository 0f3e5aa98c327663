-- purpose: room for what maintenance does to targets
-- minimum version: 14
CREATE SCHEMA maintenance;
