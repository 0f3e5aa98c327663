-- purpose: whether an index enforces something (unique, primary key, exclusion): it is needed even when nothing reads it
-- minimum version: 14
ALTER TABLE ledger.indexes ADD COLUMN is_unique boolean;
