-- purpose: forget states that hold settings and index definitions as they were read; the next sweep reads them anew
-- minimum version: 14
DELETE FROM ledger.state WHERE family IN ('settings', 'schema_objects');
