-- purpose: function guardian.table_with_ids: the table that a text names, if its rows have an id (G-60)
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.table_with_ids(named text)
RETURNS regclass
LANGUAGE plpgsql
STABLE STRICT
SET search_path = guardian, pg_catalog
AS $$
DECLARE
    found regclass;
BEGIN
    found := to_regclass(named);
    IF EXISTS (
        SELECT 1
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
        WHERE a.attrelid = found
          AND c.relkind IN ('r', 'p')
          AND a.attname = 'id'
          AND a.atttypid = 'uuid'::regtype
          AND has_table_privilege(found, 'SELECT')
    ) THEN
        RETURN found;
    END IF;
    RETURN NULL;
EXCEPTION
    -- to_regclass returns null for a name that nothing has, but raises for what is no name at all
    WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported THEN
        RETURN NULL;
END
$$;
COMMENT ON FUNCTION guardian.table_with_ids IS
    'The table that a text names, by default of schema guardian; null if it is none, has no id, or may not be read.';
