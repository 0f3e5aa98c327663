-- purpose: function guardian.validate_relationships: refuses relationships that lead nowhere, but in bulk mode (G-36)
-- minimum version: 14
-- Once per statement. An archived end is no error, nor is any other change of a row that is one already.
CREATE OR REPLACE FUNCTION guardian.validate_relationships()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = guardian, pg_catalog, pg_temp
AS $$
DECLARE
    pair record;
    sought text;
    wrong record;
BEGIN
    IF EXISTS (
        SELECT FROM guardian.bulk_operations AS b WHERE b.transaction_id = pg_current_xact_id_if_assigned()
    ) THEN
        RETURN NULL;
    END IF;
    sought := CASE TG_OP
        WHEN 'INSERT' THEN '(SELECT * FROM changed WHERE archived IS NOT TRUE)'
        ELSE '(SELECT c.* FROM changed AS c JOIN before AS b ON b.id = c.id WHERE c.archived IS NOT TRUE '
            'AND (b.archived OR (b.relationship_type, b.source_table, b.source_id, b.target_table, b.target_id) '
            'IS DISTINCT FROM (c.relationship_type, c.source_table, c.source_id, c.target_table, c.target_id)))'
    END;
    EXECUTE format(
        'SELECT c.id, CASE WHEN k.relationship_type IS NULL THEN %L WHEN NOT k.is_active THEN %L ELSE %L END AS why, '
        'c.relationship_type, c.source_table, c.target_table '
        'FROM %s AS c LEFT JOIN guardian.relationship_types AS k ON k.relationship_type = c.relationship_type '
        'WHERE k.is_active IS NOT TRUE OR c.source_table <> ALL (k.valid_source_tables) '
        'OR c.target_table <> ALL (k.valid_target_tables) LIMIT 1',
        'its kind is not declared', 'its kind is not in use', 'its kind does not lead between these tables', sought
    ) INTO wrong;
    IF wrong.id IS NULL THEN
        FOR pair IN EXECUTE format('SELECT DISTINCT source_table, target_table FROM %s AS c', sought) LOOP
            IF guardian.table_with_ids(pair.source_table) IS NULL OR guardian.table_with_ids(pair.target_table) IS NULL THEN
                EXECUTE format(
                    'SELECT c.id, %L AS why, c.relationship_type, c.source_table, c.target_table FROM %s AS c '
                    'WHERE (c.source_table, c.target_table) = ($1, $2) LIMIT 1',
                    'a table cannot be looked into', sought
                ) INTO wrong USING pair.source_table, pair.target_table;
            ELSE
                EXECUTE format(
                    'SELECT c.id, %L AS why, c.relationship_type, c.source_table, c.target_table FROM %s AS c '
                    'WHERE (c.source_table, c.target_table) = ($1, $2) '
                    'AND (NOT EXISTS (SELECT FROM %s AS s WHERE s.id = c.source_id) '
                    'OR NOT EXISTS (SELECT FROM %s AS t WHERE t.id = c.target_id)) LIMIT 1',
                    'an end of it is missing', sought,
                    guardian.table_with_ids(pair.source_table), guardian.table_with_ids(pair.target_table)
                ) INTO wrong USING pair.source_table, pair.target_table;
            END IF;
            EXIT WHEN wrong.id IS NOT NULL;
        END LOOP;
    END IF;
    IF wrong.id IS NOT NULL THEN
        RAISE EXCEPTION 'relationship % (% from % to %): %',
            wrong.id, wrong.relationship_type, wrong.source_table, wrong.target_table, wrong.why
            USING ERRCODE = 'foreign_key_violation',
            HINT = 'store what it leads from and to first, or work in bulk mode';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION guardian.validate_relationships()
    IS 'Statement trigger: every new or changed relationship is of a kind in use and leads from and to records that are there.';
