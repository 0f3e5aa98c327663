-- purpose: function guardian.disable_bulk_relationship_mode: counts the orphans, writes the record, ends bulk mode (G-34)
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.disable_bulk_relationship_mode(
    operation text DEFAULT 'bulk', records bigint DEFAULT NULL
)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    began timestamptz;
    orphans bigint;
BEGIN
    DELETE FROM guardian.bulk_operations AS b
    WHERE b.transaction_id = pg_current_xact_id()
    RETURNING b.began_at INTO began;
    IF began IS NULL THEN
        RAISE EXCEPTION 'this transaction is not in bulk mode'
            USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'call guardian.enable_bulk_relationship_mode() in the same transaction';
    END IF;
    SELECT count(*)
    INTO orphans
    FROM guardian.detect_orphaned_relationships() AS o
    WHERE o.orphan_type <> 'archived_parent';
    INSERT INTO guardian.audit_log (table_name, operation, reason)
    VALUES (
        'medical_data_relationships',
        'BULK_COMPLETE',
        format(
            '%s: %s records, %s s, %s orphans by %s',
            operation, coalesce(records::text, 'unknown'),
            round(extract(epoch FROM clock_timestamp() - began)::numeric, 3), orphans, session_user
        )
    );
    RETURN orphans;
END
$$;
REVOKE EXECUTE ON FUNCTION guardian.disable_bulk_relationship_mode(text, bigint) FROM PUBLIC;
COMMENT ON FUNCTION guardian.disable_bulk_relationship_mode(text, bigint)
    IS 'End bulk mode: look for orphans, note duration and count in the audit, return the count.';
