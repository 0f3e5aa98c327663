-- purpose: when a table was last vacuumed and analyzed, by hand or by itself, and the pages of its TOAST and of all its indexes
-- minimum version: 14
ALTER TABLE ledger.tables
    ADD COLUMN last_vacuum timestamptz,
    ADD COLUMN last_analyze timestamptz,
    ADD COLUMN toast_pages bigint,
    ADD COLUMN index_pages bigint;
