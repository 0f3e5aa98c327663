-- purpose: function guardian.detect_orphaned_relationships: relationships an end of which is gone, or of no known kind (G-60)
-- minimum version: 14
-- One row per relationship, whatever is wrong with it. A table that cannot be looked into makes rows
-- of its own class instead of an error, so that it hides nothing of the others.
CREATE OR REPLACE FUNCTION guardian.detect_orphaned_relationships()
RETURNS TABLE (
    relationship_id uuid,
    relationship_type text,
    source_table text,
    source_id uuid,
    target_table text,
    target_id uuid,
    orphan_type text,
    source_state text,
    target_state text,
    age_days integer
)
LANGUAGE plpgsql
STABLE
SET search_path = guardian, pg_catalog
AS $$
DECLARE
    pair record;
    ends text[];
    named text;
    readable oid;
BEGIN
    FOR pair IN
        SELECT DISTINCT r.source_table AS source, r.target_table AS target
        FROM guardian.medical_data_relationships AS r
        WHERE r.archived IS NOT TRUE
        ORDER BY 1, 2
    LOOP
        ends := '{}';
        FOREACH named IN ARRAY ARRAY[pair.source, pair.target] LOOP
            readable := guardian.table_with_ids(named);
            ends := ends || CASE
                WHEN readable IS NULL THEN '(SELECT NULL::uuid AS id, false AS archived WHERE false)'
                WHEN EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = readable AND a.attname = 'archived' AND a.atttypid = 'boolean'::regtype
                ) THEN format('(SELECT id, archived FROM %s)', readable::regclass)
                ELSE format('(SELECT id, false AS archived FROM %s)', readable::regclass)
            END;
        END LOOP;
        RETURN QUERY EXECUTE format(
            $query$
            WITH seen AS (
                SELECT
                    r.*,
                    k.relationship_type IS NOT NULL AS declared,
                    k.is_active,
                    r.source_table = ANY (k.valid_source_tables)
                    AND r.target_table = ANY (k.valid_target_tables) AS listed,
                    CASE WHEN $3 THEN 'unknown table' WHEN s.id IS NULL THEN 'missing'
                        WHEN s.archived THEN 'archived' ELSE 'present' END AS at_source,
                    CASE WHEN $4 THEN 'unknown table' WHEN t.id IS NULL THEN 'missing'
                        WHEN t.archived THEN 'archived' ELSE 'present' END AS at_target
                FROM guardian.medical_data_relationships AS r
                LEFT JOIN guardian.relationship_types AS k ON k.relationship_type = r.relationship_type
                LEFT JOIN %s AS s ON s.id = r.source_id
                LEFT JOIN %s AS t ON t.id = r.target_id
                WHERE r.archived IS NOT TRUE AND r.source_table = $1 AND r.target_table = $2
            ), judged AS (
                SELECT
                    n.*,
                    CASE
                        WHEN 'unknown table' IN (at_source, at_target) THEN 'unknown_table'
                        WHEN at_source = 'missing' AND at_target = 'missing' THEN 'missing_both'
                        WHEN at_source = 'missing' THEN 'missing_source'
                        WHEN at_target = 'missing' THEN 'missing_target'
                        WHEN 'archived' IN (at_source, at_target) THEN 'archived_parent'
                        WHEN NOT declared THEN 'undeclared_type'
                        WHEN NOT is_active THEN 'inactive_type'
                        WHEN NOT listed THEN 'unlisted_table'
                    END AS class
                FROM seen AS n
            )
            SELECT id, relationship_type, source_table, source_id, target_table, target_id, class,
                at_source, at_target, extract(day FROM now() - created_at)::integer
            FROM judged
            WHERE class IS NOT NULL
            $query$,
            ends[1], ends[2]
        )
        USING
            pair.source,
            pair.target,
            guardian.table_with_ids(pair.source) IS NULL,
            guardian.table_with_ids(pair.target) IS NULL;
    END LOOP;
END
$$;
COMMENT ON FUNCTION guardian.detect_orphaned_relationships IS
    'One row per relationship that leads from or to nothing, to an archived record, or is of no known kind.';
