-- purpose: what a plain table has that its conversion cannot carry over, each with what to do about it
-- minimum version: 14
WITH source AS MATERIALIZED (
    SELECT c.*, pg_catalog.format('%%I.%%I', %(schema)s::text, c.relname) AS written
    FROM pg_catalog.pg_class AS c
    WHERE c.oid = %(relation)s::oid
),
uniques AS MATERIALIZED (
    SELECT
        x.indexrelid, x.indisprimary,
        -- a partitioned table is unique only in what includes its partition key
        EXISTS (
            SELECT FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attname = %(column)s
                AND a.attnum = ANY ((x.indkey::smallint[])[0:x.indnkeyatts - 1])
        ) AS fits
    FROM source AS c JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid AND x.indisunique
),
incoming AS MATERIALIZED (
    SELECT
        k.conname, k.conrelid AS relation,
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
),
-- version 18 has the two columns that are asked for by name, as text
own AS MATERIALIZED (
    SELECT
        k.conname, k.contype, k.convalidated, k.connoinherit, k.condeferrable, k.contype IN ('p', 'u') AS is_key,
        COALESCE((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true) AS is_enforced
    FROM source AS c JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid
),
dependents AS MATERIALIZED (
    SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.deptype FROM source AS c
    JOIN pg_catalog.pg_depend AS d
        ON (d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid)
        OR (
            d.refclassid = 'pg_catalog.pg_type'::regclass AND d.deptype = 'n'
            AND d.refobjid IN (c.reltype, (SELECT y.typarray FROM pg_catalog.pg_type AS y WHERE y.oid = c.reltype))
        )
)
SELECT /* perf-pipeline */ x.what, x.remedy FROM source AS c CROSS JOIN LATERAL (
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
        CASE
            WHEN v.relkind = 'm' THEN 'materialized view '
            ELSE 'rule ' || r.rulename || ' of '
        END || v.oid::regclass,
        'drop it for the conversion, and make it anew afterwards: it would go on with the old table'
    FROM pg_catalog.pg_rewrite AS r JOIN pg_catalog.pg_class AS v ON v.oid = r.ev_class
    WHERE (v.relkind <> 'v' OR r.rulename <> '_RETURN')
        AND r.oid IN (SELECT d.objid FROM dependents AS d WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass)
    UNION ALL
    SELECT
        pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid),
        'it uses the row type of the table, which is that of the old one then: drop it, and make it anew afterwards'
    FROM dependents AS d
    WHERE d.refclassid = 'pg_catalog.pg_type'::regclass AND d.classid <> 'pg_catalog.pg_rewrite'::regclass
    UNION ALL
    SELECT
        pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid),
        'it depends on the table: drop it, and make it anew afterwards'
    FROM dependents AS d
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'n' AND d.classid NOT IN (
        'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_proc'::regclass,
        'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_attrdef'::regclass
    )
    UNION ALL
    SELECT DISTINCT
        'inheritance of ' || i.inhparent::regclass, 'ALTER TABLE ' || c.written || ' NO INHERIT ' || i.inhparent::regclass
    FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid AND NOT c.relispartition
    UNION ALL
    SELECT 'inheritance', 'take it out of that hierarchy first'
    WHERE c.relispartition OR EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid)
    UNION ALL
    SELECT
        CASE k.contype WHEN 'c' THEN 'check ' WHEN 'n' THEN 'not-null constraint ' ELSE 'foreign key ' END || k.conname,
        'rows may be there that it refuses: ALTER TABLE ' || c.written || pg_catalog.format(' VALIDATE CONSTRAINT %%I', k.conname)
            || ' (nobody waits for it), or drop it'
    FROM own AS k
    WHERE NOT k.convalidated AND k.is_enforced AND (
        k.contype IN ('c', 'n')
        OR (k.contype = 'f' AND pg_catalog.current_setting('server_version_num')::integer < 180000)
    )
    UNION ALL
    SELECT 'check ' || k.conname, 'make it anew without NO INHERIT: a partitioned table has none that its partitions lack'
    FROM own AS k WHERE k.contype = 'c' AND k.connoinherit
    UNION ALL
    SELECT
        'deferrable key ' || k.conname, 'make it anew, not deferrable: rows could not be copied beside those who write'
    FROM own AS k WHERE k.is_key AND k.condeferrable
    UNION ALL
    SELECT
        'nulls in ' || a.attname,
        'a partition key has none, and whoever wrote one would be refused from now on: '
            || pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I SET NOT NULL', c.written, a.attname)
    FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = %(column)s AND NOT a.attnotnull
    UNION ALL
    SELECT 'UNLOGGED', 'ALTER TABLE ' || c.written || ' SET LOGGED: a partitioned table is' WHERE c.relpersistence <> 'p'
    UNION ALL
    SELECT
        'the mark to be clustered by ' || x.indexrelid::regclass,
        'ALTER TABLE ' || c.written || ' SET WITHOUT CLUSTER: a partitioned table has no such mark'
    FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid AND x.indisclustered
    UNION ALL
    SELECT 'invalid index ' || x.indexrelid::regclass, 'drop it, or REINDEX INDEX CONCURRENTLY it'
    FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid AND NOT x.indisvalid
    UNION ALL
    SELECT
        'statistics target of column ' || a.attnum || ' of index ' || x.indexrelid::regclass,
        'ALTER INDEX ' || x.indexrelid::regclass || ' ALTER COLUMN ' || a.attnum || ' SET STATISTICS -1: partitions would not have it'
    FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indexrelid
    WHERE x.indrelid = c.oid AND NULLIF(a.attstattarget, -1) IS NOT NULL
    UNION ALL
    SELECT 'the type ' || c.reloftype::regtype, 'ALTER TABLE ' || c.written || ' NOT OF' WHERE c.reloftype <> 0
    UNION ALL
    SELECT
        'access method ' || m.amname, 'SET default_table_access_method = ' || m.amname || ' for the role that converts it'
    FROM pg_catalog.pg_am AS m
    WHERE m.oid = c.relam AND m.amname <> pg_catalog.current_setting('default_table_access_method')
    UNION ALL
    SELECT 'extension ' || e.extname, 'it is a part of that extension, which is to convert it'
    FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        AND d.refclassid = 'pg_catalog.pg_extension'::regclass
    UNION ALL
    SELECT
        'subscription ' || s.subname, 'drop it first, or convert the table before it is subscribed: what its worker '
            || 'gets meanwhile would go nowhere'
    FROM pg_catalog.pg_subscription_rel AS r JOIN pg_catalog.pg_subscription AS s ON s.oid = r.srsubid
    WHERE r.srrelid = c.oid
    UNION ALL
    SELECT 'security label of ' || l.provider, 'drop it (SECURITY LABEL ... IS NULL), and give it anew afterwards'
    FROM pg_catalog.pg_seclabel AS l WHERE l.classoid = 'pg_catalog.pg_class'::regclass AND l.objoid = c.oid
    UNION ALL
    SELECT
        'foreign keys that are not looked after', 'ALTER TABLE ' || c.written || ' ENABLE TRIGGER ALL'
    WHERE EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgisinternal AND t.tgenabled <> 'O')
    UNION ALL
    SELECT
        'trigger ' || t.tgname,
        'its function sets NEW.' || %(column)s || ', by which the partition is chosen before any trigger runs: '
            || 'give the column a default instead'
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = %(column)s
    -- for each row, before, at INSERT
    WHERE t.tgrelid = c.oid AND t.tgtype::integer & 7 = 7 AND t.tgenabled <> 'D' AND NOT a.atthasdef
        AND f.prosrc ~* (
            '(^|;|\mthen\M|\melse\M|\mbegin\M|\mloop\M)\s*new\s*\.\s*"?'
            || pg_catalog.regexp_replace(%(column)s::text, '([^[:alnum:]_])', '\\\1', 'g') || '"?\s*:?='
        )
) AS x (what, remedy)
