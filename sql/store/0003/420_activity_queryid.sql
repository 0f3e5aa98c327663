-- purpose: which statement the active sessions of a sample were at work on; NULL: none, or not told
-- minimum version: 14
ALTER TABLE ledger.activity ADD COLUMN queryid bigint;
