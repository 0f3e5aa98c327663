-- purpose: how far sequences have come, and how far they, or the columns they fill, can count
-- minimum version: 14
-- grant: SELECT on a sequence (pg_read_all_data has it); of one that may not be read nothing is known
-- cadence: every day
-- scope: database
SELECT /* perf-pipeline */
    q.schema_name, q.sequence_name, q.owner_column, q.data_type, q.cycle,
    -- the first value and the last one count
    1 + CASE WHEN q.increment > 0 THEN q.last_value - q.minimum ELSE q.maximum - q.last_value END::pg_catalog.float8 AS used,
    1 + CASE
        WHEN q.increment > 0 THEN LEAST(q.maximum, q.column_maximum) - q.minimum
        ELSE q.maximum - q.minimum
    END::pg_catalog.float8 AS capacity,
    q.may_read
FROM (
    SELECT
        n.nspname::pg_catalog.text AS schema_name, c.relname::pg_catalog.text AS sequence_name,
        CASE WHEN a.attname IS NOT NULL
            THEN pg_catalog.format('%%I.%%I.%%I', tn.nspname, t.relname, a.attname)
        END AS owner_column,
        pg_catalog.format_type(COALESCE(a.atttypid, s.seqtypid), NULL) AS data_type,
        s.seqcycle AS cycle, s.seqincrement AS increment,
        s.seqmin::pg_catalog."numeric" AS minimum, s.seqmax::pg_catalog."numeric" AS maximum,
        CASE a.atttypid
            WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN 32767
            WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647
            ELSE s.seqmax
        END::pg_catalog."numeric" AS column_maximum,
        v.may_read,
        CASE WHEN v.may_read THEN pg_catalog.pg_sequence_last_value(c.oid::pg_catalog.regclass) END::pg_catalog."numeric" AS last_value
    FROM pg_catalog.pg_sequence AS s
    JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE')) AS v (may_read)
    LEFT JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    LEFT JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE c.relpersistence <> 't'
) AS q
ORDER BY q.schema_name, q.sequence_name
