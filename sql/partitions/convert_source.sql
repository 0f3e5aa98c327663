-- purpose: what a plain table has that its conversion must carry over
-- minimum version: 14
WITH source AS MATERIALIZED (
    SELECT c.* FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND c.relkind = 'r'
),
uniques AS MATERIALIZED (
    SELECT
        x.indexrelid, x.indisprimary, x.indnkeyatts, x.indkey, i.relname, i.reloptions, k.conname, s.spcname,
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
        r.relkind = 'p' AND pg_catalog.current_setting('server_version_num')::integer < 180000 AS is_read
    FROM source AS c
    JOIN pg_catalog.pg_constraint AS k ON k.confrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
    JOIN pg_catalog.pg_class AS r ON r.oid = k.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
)
SELECT /* perf-pipeline */
    c.oid,
    pg_catalog.pg_get_userbyid(c.relowner) AS owner,
    pg_catalog.obj_description(c.oid, 'pg_class') AS remark,
    c.reloptions
    || ARRAY(
        SELECT 'toast.' || o.option FROM pg_catalog.pg_class AS o_of
        CROSS JOIN LATERAL unnest(o_of.reloptions) AS o (option) WHERE o_of.oid = c.reltoastrelid
    ) AS options,
    (
        SELECT t.spcname FROM pg_catalog.pg_tablespace AS t WHERE t.oid = c.reltablespace
    ) AS tablespace,
    (
        SELECT pg_catalog.format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attname = %(column)s AND NOT a.attisdropped
    ) AS column_type,
    c.relreplident AS replica_identity,
    c.relrowsecurity AS row_security,
    c.relforcerowsecurity AS force_row_security,
    (SELECT u.conname FROM uniques AS u WHERE u.indisprimary) AS key_name,
    (SELECT u.spcname FROM uniques AS u WHERE u.indisprimary) AS key_tablespace,
    (SELECT u.reloptions FROM uniques AS u WHERE u.indisprimary) AS key_options,
    ARRAY(
        SELECT a.attname::text FROM uniques AS u
        CROSS JOIN LATERAL unnest((u.indkey::smallint[])[u.indnkeyatts:]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE u.indisprimary ORDER BY k.place
    ) AS key_include,
    (
        SELECT i.relname FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
        WHERE x.indrelid = c.oid AND x.indisreplident
    ) AS identity_index,
    -- what the owner took from himself, of what an owner has
    ARRAY(
        SELECT g.privilege_type FROM pg_catalog.aclexplode(pg_catalog.acldefault('r', c.relowner)) AS g
        WHERE c.relacl IS NOT NULL
        EXCEPT
        SELECT g.privilege_type FROM pg_catalog.aclexplode(c.relacl) AS g WHERE g.grantee = c.relowner
    ) AS owner_lacks,
    ARRAY(
        SELECT a.attname::text FROM pg_catalog.pg_index AS x
        CROSS JOIN LATERAL unnest((x.indkey::smallint[])[0:x.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE x.indrelid = c.oid AND x.indisprimary ORDER BY k.place
    ) AS key,
    ARRAY(
        SELECT ARRAY[
            u.conname::text,
            pg_catalog.pg_get_constraintdef(k.oid)
            || COALESCE(' WITH (' || pg_catalog.array_to_string(u.reloptions, ', ') || ')', ''),
            u.spcname::text
        ]
        FROM uniques AS u JOIN pg_catalog.pg_constraint AS k ON k.conindid = u.indexrelid AND k.contype = 'u'
        WHERE u.fits ORDER BY u.conname
    ) AS unique_constraints,
    ARRAY(
        SELECT pg_catalog.jsonb_build_object(
            'name', i.relname, 'unique', x.indisunique, 'tablespace', s.spcname,
            -- what stands behind the table's name
            'rest', pg_catalog.substring(
                pg_catalog.pg_get_indexdef(x.indexrelid),
                1 + pg_catalog.length(
                    pg_catalog.format(
                        'CREATE %%sINDEX %%I ON %%I.%%I', CASE WHEN x.indisunique THEN 'UNIQUE ' ELSE '' END,
                        i.relname, %(schema)s::text, c.relname
                    )
                )
            )
        )
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
        SELECT pg_catalog.jsonb_build_object(
            'column', a.attname, 'sequence', s.relname, 'remark', pg_catalog.obj_description(s.oid, 'pg_class'),
            'grants', ARRAY(
                SELECT ARRAY[g.privilege_type, r.rolname::text] FROM pg_catalog.aclexplode(s.relacl) AS g
                LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee WHERE g.grantee <> s.relowner
            )
        )
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_depend AS d
            ON d.refobjid = c.oid AND d.refobjsubid = a.attnum AND d.deptype = 'i'
            AND d.classid = 'pg_catalog.pg_class'::regclass
        JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity <> ''
        ORDER BY a.attnum
    ) AS identities,
    ARRAY(
        SELECT pg_catalog.jsonb_build_object(
            'schema', n.nspname, 'name', e.stxname, 'columns', pg_catalog.pg_get_statisticsobjdef_columns(e.oid),
            'target', NULLIF(e.stxstattarget, -1), 'remark', pg_catalog.obj_description(e.oid, 'pg_statistic_ext'),
            -- of one expression alone no kinds are named
            'kinds', CASE WHEN e.stxkind <> ARRAY['e']::"char"[] THEN ARRAY(
                SELECT CASE k.kind WHEN 'd' THEN 'ndistinct' WHEN 'f' THEN 'dependencies' ELSE 'mcv' END
                FROM unnest(e.stxkind) AS k (kind) WHERE k.kind IN ('d', 'f', 'm')
            ) END
        )
        FROM pg_catalog.pg_statistic_ext AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.stxnamespace
        WHERE e.stxrelid = c.oid ORDER BY e.oid
    ) AS statistics,
    ARRAY(
        SELECT pg_catalog.jsonb_build_object(
            'column', a.attname, 'target', NULLIF(a.attstattarget, -1), 'options', a.attoptions
        )
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND (NULLIF(a.attstattarget, -1) IS NOT NULL OR a.attoptions IS NOT NULL)
        ORDER BY a.attnum
    ) AS column_statistics,
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
    -- remarks that no LIKE copies
    ARRAY(
        SELECT ARRAY[x.kind, x.name, x.remark] FROM (
            SELECT 'CONSTRAINT' AS kind, k.conname::text AS name, pg_catalog.obj_description(k.oid, 'pg_constraint') AS remark
            FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f', 'n')
            UNION ALL
            SELECT 'TRIGGER', t.tgname, pg_catalog.obj_description(t.oid, 'pg_trigger')
            FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
            UNION ALL
            SELECT 'POLICY', p.polname, pg_catalog.obj_description(p.oid, 'pg_policy')
            FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid
            UNION ALL
            SELECT 'INDEX', i.relname, pg_catalog.obj_description(i.oid, 'pg_class')
            FROM pg_catalog.pg_index AS n JOIN pg_catalog.pg_class AS i ON i.oid = n.indexrelid WHERE n.indrelid = c.oid
        ) AS x (kind, name, remark)
        WHERE x.remark IS NOT NULL ORDER BY x.kind, x.name
    ) AS remarks,
    -- policies of other tables that read it
    ARRAY(
        SELECT pg_catalog.jsonb_build_object(
            'schema', n.nspname, 'table', r.relname, 'name', p.polname, 'oid', r.oid::bigint,
            'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
            'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
        )
        FROM pg_catalog.pg_policy AS p
        JOIN pg_catalog.pg_class AS r ON r.oid = p.polrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
        WHERE p.polrelid <> c.oid AND p.oid IN (
            SELECT d.objid FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_policy'::regclass AND d.refobjid = c.oid
                AND d.refclassid = 'pg_catalog.pg_class'::regclass
        )
        ORDER BY p.oid
    ) AS policies_of_others,
    -- functions whose body the server has parsed know the table itself, not its name
    ARRAY(
        SELECT pg_catalog.pg_get_functiondef(f.oid) FROM pg_catalog.pg_proc AS f
        WHERE f.prokind <> 'a' AND f.oid IN (
            SELECT d.objid FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = c.oid
                AND d.refclassid = 'pg_catalog.pg_class'::regclass
        )
        ORDER BY f.oid
    ) AS functions,
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
    ) AS views
FROM source AS c
