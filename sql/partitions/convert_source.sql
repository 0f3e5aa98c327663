-- purpose: what a plain table has that its conversion must carry over, and what it cannot carry
-- minimum version: 14
SELECT /* perf-pipeline */
    c.oid,
    ARRAY(
        SELECT a.attname::text FROM pg_catalog.pg_index AS x
        CROSS JOIN LATERAL unnest(x.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE x.indrelid = c.oid AND x.indisprimary ORDER BY k.place
    ) AS key,
    ARRAY(
        SELECT x.indexrelid::regclass::text FROM pg_catalog.pg_index AS x
        WHERE x.indrelid = c.oid AND x.indisunique AND NOT x.indisprimary
    ) AS unique_indexes,
    ARRAY(
        SELECT pg_catalog.substring(pg_catalog.pg_get_indexdef(x.indexrelid), ' USING .*$')
        FROM pg_catalog.pg_index AS x
        WHERE x.indrelid = c.oid AND NOT x.indisunique AND x.indisvalid ORDER BY x.indexrelid
    ) AS indexes,
    ARRAY(
        SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        ORDER BY a.attnum
    ) AS columns,
    ARRAY(
        SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity <> ''
    ) AS identities,
    ARRAY(
        SELECT ARRAY[k.conname::text, pg_catalog.pg_get_constraintdef(k.oid)]
        FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'f'
    ) AS foreign_keys,
    ARRAY(
        SELECT what FROM (
            SELECT 'foreign key ' || k.conname || ' of ' || k.conrelid::regclass FROM pg_catalog.pg_constraint AS k
            WHERE k.confrelid = c.oid AND k.contype = 'f'
            UNION ALL
            SELECT 'trigger ' || t.tgname FROM pg_catalog.pg_trigger AS t
            WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname NOT LIKE 'perf\_pipeline\_%%'
            UNION ALL
            SELECT 'view ' || r.ev_class::regclass FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
            WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refobjid = c.oid AND r.ev_class <> c.oid
            UNION ALL
            SELECT 'row-level security' WHERE c.relrowsecurity
            UNION ALL
            SELECT 'publication ' || p.pubname FROM pg_catalog.pg_publication_rel AS o
            JOIN pg_catalog.pg_publication AS p ON p.oid = o.prpubid WHERE o.prrelid = c.oid
            UNION ALL
            SELECT 'sequence ' || d.objid::regclass FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
            WHERE d.refobjid = c.oid AND d.deptype = 'a'
            UNION ALL
            SELECT 'inheritance' WHERE c.relhassubclass OR c.relispartition
        ) AS in_the_way (what)
    ) AS in_the_way
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND c.relkind = 'r'
