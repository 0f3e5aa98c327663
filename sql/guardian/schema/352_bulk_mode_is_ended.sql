-- purpose: function guardian.bulk_mode_is_ended and its trigger: no commit in bulk mode (G-34)
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.bulk_mode_is_ended()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM guardian.bulk_operations AS b WHERE b.transaction_id = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'bulk mode was not ended, so nobody has looked for orphans'
            USING ERRCODE = 'invalid_transaction_termination',
            HINT = 'call guardian.disable_bulk_relationship_mode() before the commit';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION guardian.bulk_mode_is_ended() IS 'Refuses the commit of a transaction that is still in bulk mode.';
DROP TRIGGER IF EXISTS bulk_mode_is_ended ON guardian.bulk_operations;
CREATE CONSTRAINT TRIGGER bulk_mode_is_ended
    AFTER INSERT ON guardian.bulk_operations
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION guardian.bulk_mode_is_ended();
