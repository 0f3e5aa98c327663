-- purpose: schema of what is looked at: slow statements and their texts
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS monitoring;
