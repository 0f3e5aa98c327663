-- purpose: what a plain table has that its conversion must carry over, and what it cannot carry, with what to do about it
-- minimum version: 14
WITH source AS MATERIALIZED (
    SELECT c.* FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND c.relkind = 'r'
),
uniques AS MATERIALIZED (
    SELECT
        x.indexrelid, x.indisprimary, k.conname, s.spcname,
        -- a partitioned table is unique only in what includes its partition key
        EXISTS (
            SELECT FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attname = %(column)s
                AND a.attnum = ANY ((x.indkey::smallint[])[0:x.indnkeyatts - 1])
        ) AS fits
    FROM source AS c
    JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid AND x.indisunique
    JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
    LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = i.reltablespace
    LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u')
),
incoming AS MATERIALIZED (
    SELECT
        k.oid, k.conname, k.convalidated, n.nspname, r.relname, r.oid AS relation,
        COALESCE((SELECT u.fits FROM uniques AS u WHERE u.indexrelid = k.conindid), false) AS fits,
        k.conrelid = c.oid AS is_own,
        -- before 18 such a key is only added by reading the table while it is locked
        r.relkind = 'p' AND pg_catalog.current_setting('server_version_num')::integer < 180000 AS is_read,
        (
            SELECT pg_catalog.string_agg(a.attname, ', ' ORDER BY f.place)
            FROM unnest(k.confkey) WITH ORDINALITY AS f (attnum, place)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = f.attnum
        ) AS columns
    FROM source AS c
    JOIN pg_catalog.pg_constraint AS k ON k.confrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
    JOIN pg_catalog.pg_class AS r ON r.oid = k.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
)
SELECT /* perf-pipeline */
    c.oid,
    pg_catalog.pg_get_userbyid(c.relowner) AS owner,
    pg_catalog.obj_description(c.oid, 'pg_class') AS remark,
    c.reloptions AS options,
    (
        SELECT t.spcname FROM pg_catalog.pg_tablespace AS t WHERE t.oid = c.reltablespace
    ) AS tablespace,
    c.relreplident AS replica_identity,
    c.relrowsecurity AS row_security,
    c.relforcerowsecurity AS force_row_security,
    (SELECT u.conname FROM uniques AS u WHERE u.indisprimary) AS key_name,
    (SELECT u.spcname FROM uniques AS u WHERE u.indisprimary) AS key_tablespace,
    ARRAY(
        SELECT a.attname::text FROM pg_catalog.pg_index AS x
        CROSS JOIN LATERAL unnest((x.indkey::smallint[])[0:x.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE x.indrelid = c.oid AND x.indisprimary ORDER BY k.place
    ) AS key,
    ARRAY(
        SELECT ARRAY[u.conname::text, pg_catalog.pg_get_constraintdef(k.oid), u.spcname::text]
        FROM uniques AS u JOIN pg_catalog.pg_constraint AS k ON k.conindid = u.indexrelid AND k.contype = 'u'
        WHERE u.fits ORDER BY u.conname
    ) AS unique_constraints,
    ARRAY(
        SELECT ARRAY[
            CASE WHEN x.indisunique THEN 'UNIQUE' ELSE '' END,
            pg_catalog.substring(pg_catalog.pg_get_indexdef(x.indexrelid), ' USING .*$'),
            s.spcname::text
        ]
        FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
        LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = i.reltablespace
        LEFT JOIN uniques AS u ON u.indexrelid = x.indexrelid
        WHERE x.indrelid = c.oid AND x.indisvalid AND NOT x.indisexclusion
            AND (u.indexrelid IS NULL OR (u.fits AND u.conname IS NULL)) ORDER BY x.indexrelid
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
        SELECT ARRAY[n.nspname::text, s.relname::text, a.attname::text] FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
        JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid AND d.deptype = 'a'
        ORDER BY s.oid
    ) AS serials,
    ARRAY(
        SELECT ARRAY[k.conname::text, pg_catalog.pg_get_constraintdef(k.oid)]
        FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'f' ORDER BY k.conname
    ) AS foreign_keys,
    -- those of other tables that can refer to the partitioned one
    ARRAY(
        SELECT pg_catalog.jsonb_build_object(
            'oid', k.relation::bigint, 'schema', k.nspname, 'table', k.relname, 'name', k.conname,
            'definition', pg_catalog.pg_get_constraintdef(k.oid), 'is_valid', k.convalidated,
            'remark', pg_catalog.obj_description(k.oid, 'pg_constraint')
        )
        FROM incoming AS k WHERE k.fits AND NOT k.is_own AND NOT k.is_read ORDER BY k.nspname, k.relname, k.conname
    ) AS referring,
    ARRAY(
        SELECT ARRAY[t.tgname::text, pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled::text]
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname NOT LIKE 'perf\_pipeline\_%%'
        ORDER BY t.tgname
    ) AS triggers,
    ARRAY(
        SELECT pg_catalog.jsonb_build_object(
            'name', p.polname, 'permissive', p.polpermissive, 'command', p.polcmd,
            'roles', ARRAY(
                SELECT CASE WHEN r.role = 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(r.role)::text END
                FROM unnest(p.polroles) AS r (role)
            ),
            'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
            'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
        )
        FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid ORDER BY p.polname
    ) AS policies,
    ARRAY(
        SELECT pg_catalog.jsonb_build_object(
            'schema', n.nspname, 'name', v.relname, 'options', v.reloptions,
            'definition', pg_catalog.pg_get_viewdef(v.oid)
        )
        FROM pg_catalog.pg_class AS v JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
        WHERE v.relkind = 'v' AND v.oid IN (
            SELECT r.ev_class FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
            WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refobjid = c.oid
                AND d.refclassid = 'pg_catalog.pg_class'::regclass
        )
        ORDER BY v.oid
    ) AS views,
    ARRAY(
        SELECT ARRAY[x.what, x.remedy] FROM (
            SELECT
                'foreign key ' || k.conname || ' of ' || k.relation::regclass,
                CASE
                    WHEN NOT k.fits THEN 'it refers to (' || k.columns || '), and a partitioned table is unique only in what includes '
                        || %(column)s || ': drop it, or let it refer to (' || k.columns || ', ' || %(column)s || ') and add that unique key'
                    WHEN k.is_own THEN 'a key of the table to itself: drop it, and add it afterwards'
                    ELSE 'drop it, and add it afterwards in a maintenance window: to a partitioned table that refers to another, '
                        || 'PostgreSQL before 18 adds a key only by reading it while it is locked'
                END
            FROM incoming AS k WHERE NOT k.fits OR k.is_own OR k.is_read
            UNION ALL
            SELECT
                'unique index ' || u.indexrelid::regclass,
                'drop it, or include ' || %(column)s || ' in it: a partitioned table is unique only in what does'
            FROM uniques AS u WHERE NOT u.fits AND NOT u.indisprimary
            UNION ALL
            SELECT 'exclusion constraint ' || x.indexrelid::regclass, 'drop it: partitions would not exclude each other''s rows'
            FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid AND x.indisexclusion
            UNION ALL
            SELECT
                'trigger ' || t.tgname,
                'rewrite it: a partitioned table has no constraint triggers of users, and none for each row with transition tables'
            FROM pg_catalog.pg_trigger AS t
            WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND (
                t.tgconstraint <> 0
                OR (t.tgtype::integer & 1 = 1 AND (t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL))
            )
            UNION ALL
            SELECT
                CASE v.relkind WHEN 'm' THEN 'materialized view ' ELSE 'rule of ' END || v.oid::regclass,
                'drop it for the conversion, and make it anew afterwards: it would go on reading the old table'
            FROM pg_catalog.pg_class AS v
            WHERE v.relkind <> 'v' AND v.oid IN (
                SELECT r.ev_class FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
                WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refobjid = c.oid
                    AND d.refclassid = 'pg_catalog.pg_class'::regclass
            )
            UNION ALL
            SELECT 'inheritance', 'take it out of that hierarchy first' WHERE c.relhassubclass OR c.relispartition
        ) AS x (what, remedy)
    ) AS in_the_way
FROM source AS c
