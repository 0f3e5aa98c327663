-- purpose: forget values of settings that applications make, which are hidden from now on
-- minimum version: 14
UPDATE ledger.settings_changes SET value_before = NULL, value_after = NULL
WHERE strpos(name, '.') > 0;
