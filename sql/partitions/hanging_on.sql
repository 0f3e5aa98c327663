-- purpose: what reads a table, or uses its row type, and knows it by its oid
-- minimum version: 14
SELECT DISTINCT /* perf-pipeline */
    CASE
        WHEN r.oid IS NULL THEN pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
        ELSE pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, r.ev_class, 0)
    END AS what
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_depend AS d
    ON (
        d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid
        AND d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_policy'::regclass)
    )
    OR (
        d.refclassid = 'pg_catalog.pg_type'::regclass AND d.deptype = 'n'
        AND d.refobjid IN (c.reltype, (SELECT y.typarray FROM pg_catalog.pg_type AS y WHERE y.oid = c.reltype))
    )
LEFT JOIN pg_catalog.pg_rewrite AS r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
WHERE c.oid = %(relation)s::oid
ORDER BY what
