-- purpose: foreign, unique and primary keys of some tables, foreign first, with the clause to make each again
-- minimum version: 14
SELECT
    n.nspname AS schema_name,
    r.relname AS table_name,
    k.conname AS constraint_name,
    pg_get_constraintdef(k.oid) AS definition
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS r ON r.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
WHERE (
    k.contype IN ('f', 'u')
    OR (
        -- a view that groups by it would stand in the way, and a replica identity be lost
        k.contype = 'p' AND r.relkind = 'r' AND r.relreplident = 'd'
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.refclassid = 'pg_catalog.pg_constraint'::regclass AND d.refobjid = k.oid
                AND d.classid = 'pg_catalog.pg_rewrite'::regclass
        )
    )
)
  AND k.conparentid = 0  -- those of partitions come and go with their parent's
  AND k.conrelid = ANY (%(tables)s::regclass[])
ORDER BY k.contype <> 'f', n.nspname, r.relname, k.conname
