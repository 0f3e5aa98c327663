-- purpose: function guardian.enable_bulk_relationship_mode: validation rests until the end of the transaction (G-33)
-- minimum version: 14
-- Who may: a role with EXECUTE on it and INSERT, UPDATE and DELETE on guardian.bulk_operations. Nobody's
-- rights are lent.
CREATE OR REPLACE FUNCTION guardian.enable_bulk_relationship_mode()
RETURNS timestamptz
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO guardian.bulk_operations DEFAULT VALUES
    ON CONFLICT (transaction_id) DO UPDATE SET began_at = bulk_operations.began_at
    RETURNING began_at
$$;
REVOKE EXECUTE ON FUNCTION guardian.enable_bulk_relationship_mode() FROM PUBLIC;
COMMENT ON FUNCTION guardian.enable_bulk_relationship_mode()
    IS 'Begin bulk mode for this transaction; it cannot commit before disable_bulk_relationship_mode has looked for orphans.';
