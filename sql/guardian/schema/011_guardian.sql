-- purpose: schema guardian: what is known of patients, how it hangs together, and who changed it
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS guardian;
COMMENT ON SCHEMA guardian IS 'what is known of patients, how it hangs together, and who changed it';
