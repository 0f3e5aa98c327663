-- purpose: schema system_core: what all industries share: activity, notifications, files, comments, integrations
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS system_core;
COMMENT ON SCHEMA system_core IS 'what all industries share: activity, notifications, files, comments, integrations';
