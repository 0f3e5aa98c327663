-- purpose: what is known of tables to capture: kind, owner, columns and whether they name entities, primary key
-- minimum version: 14
-- `fit`: its text is the same in every session (a date's is not), and no cast of somebody's own makes it,
-- which would run with our rights. `equal`: two values can be compared as they are.
SELECT /* perf-pipeline */
    n.nspname || '.' || c.relname AS name,
    c.oid::bigint AS oid,
    c.relkind::text AS kind,
    pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned,
    pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
    EXISTS (SELECT FROM pg_catalog.pg_subscription_rel AS s WHERE s.srrelid = c.oid) AS subscribed,
    (
        SELECT coalesce(pg_catalog.jsonb_object_agg(a.attname, pg_catalog.jsonb_build_object(
            'type', pg_catalog.format_type(t.oid, NULL),
            'fit', (
                t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
                AND t.typname = ANY (ARRAY[
                    'int2', 'int4', 'int8', 'numeric', 'text', 'varchar', 'bpchar', 'name', 'uuid', 'bool', 'oid', 'inet', 'cidr', 'macaddr'
                ]::name[])
            ) OR (
                t.typtype = 'e'
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_cast AS k WHERE k.castsource = t.oid AND k.castfunc <> 0)
            ),
            'equal', EXISTS (
                SELECT FROM pg_catalog.pg_opclass AS o
                WHERE o.opcdefault AND o.opcintype = t.oid AND t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
                    AND o.opcmethod = (SELECT m.oid FROM pg_catalog.pg_am AS m WHERE m.amname = 'btree')
            )
        )), '{}')
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_type AS d ON d.oid = a.atttypid
        JOIN pg_catalog.pg_type AS t ON t.oid = CASE WHEN d.typtype = 'd' THEN d.typbasetype ELSE d.oid END
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS columns,
    coalesce((
        SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = c.oid AND i.indisprimary
    ), '{}') AS key,
    coalesce((
        SELECT pg_catalog.array_agg(DISTINCT a.attname::text)
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
    ), '{}') AS indexed,
    coalesce((
        SELECT min(i.inhparent::pg_catalog.regclass::text)
        FROM pg_catalog.pg_inherits AS i
        WHERE i.inhrelid = c.oid
    ), '') AS parent
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname || '.' || c.relname = ANY (%(names)s::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
