-- purpose: schema omninode: hook events, what became of them, and who asked
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS omninode;
COMMENT ON SCHEMA omninode IS 'hook events, what became of them, and who asked';
