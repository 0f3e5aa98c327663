-- purpose: forget index definitions with strings in them, which are redacted from now on
-- minimum version: 14
UPDATE ledger.schema_changes SET
    definition_before = CASE WHEN strpos(definition_before, '''') = 0 THEN definition_before END,
    definition_after = CASE WHEN strpos(definition_after, '''') = 0 THEN definition_after END
WHERE kind = 'index' AND (strpos(definition_before, '''') > 0 OR strpos(definition_after, '''') > 0);
