-- purpose: the frame is compressed before it is sent; a second compression would only cost time
-- minimum version: 14
ALTER TABLE ledger.state ALTER COLUMN frame SET STORAGE EXTERNAL;
