-- purpose: some views with all they read, through plain views: the dependency graph, one row per relation
-- minimum version: 14
-- grant: none
-- pg_depend does not name what every database has (the system's relations and functions); the stored
-- rule does. `clock`: functions whose result moves with time; `opaque`: functions that may look at
-- anything. `unique_indexes`: for a concurrent refresh one must be immediate, valid, whole, of columns.
WITH RECURSIVE reach AS (
    SELECT c.oid
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('m', 'v') AND n.nspname || '.' || c.relname = ANY (%(views)s::text[])
    UNION
    SELECT d.refobjid
    FROM reach AS r
    JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = r.oid AND w.ev_type = '1'
    JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
        AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.oid
),
rules AS MATERIALIZED (
    SELECT r.oid, w.oid AS rule_oid, w.ev_action::text AS action
    FROM reach AS r
    JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = r.oid AND w.ev_type = '1'
),
called AS (
    SELECT
        r.oid,
        pg_catalog.array_agg(DISTINCT p.oid::regprocedure::text) FILTER (
            WHERE p.oid < 16384
            AND p.proname IN (
                'now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp', 'timeofday'
            )
            OR p.oid < 16384 AND p.proname = 'age' AND p.pronargs = 1
        ) AS clock,
        pg_catalog.array_agg(DISTINCT p.oid::regprocedure::text) FILTER (
            WHERE p.proname NOT IN ('clock_timestamp', 'timeofday')
            AND (
                p.provolatile = 'v'
                OR p.provolatile = 's'
                AND (p.oid >= 16384 OR p.proname ~ '^(pg|has|current|txid|inet|to_reg|(query|table|schema|database|cursor)_to)_')
            )
        ) AS opaque
    FROM rules AS r
    CROSS JOIN LATERAL pg_catalog.regexp_matches(
        r.action, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g'
    ) AS f (found)
    JOIN pg_catalog.pg_proc AS p ON p.oid = f.found[1]::oid
    GROUP BY r.oid
)
SELECT /* perf-pipeline */
    c.oid::bigint AS oid,
    n.nspname AS schema_name,
    c.relname AS name,
    c.relkind::text AS kind,
    c.relispopulated AS populated,
    pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned,
    coalesce((
        SELECT pg_catalog.array_agg(DISTINCT d.refobjid::bigint)
        FROM rules AS r
        JOIN pg_catalog.pg_depend AS d
            ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.rule_oid
            AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.oid
        JOIN pg_catalog.pg_class AS x ON x.oid = d.refobjid AND x.relkind IN ('r', 'p', 'f', 'v', 'm')
        WHERE r.oid = c.oid
    ), '{}') AS reads,
    (SELECT pg_catalog.md5(r.action) FROM rules AS r WHERE r.oid = c.oid) AS definition,
    coalesce(f.clock, '{}')
    || CASE WHEN EXISTS (SELECT FROM rules AS r WHERE r.oid = c.oid AND r.action LIKE '%%{SQLVALUEFUNCTION%%')
        THEN ARRAY['current_date and the like'] ELSE '{}' END AS clock,
    coalesce(f.opaque, '{}') AS opaque,
    EXISTS (
        SELECT
        FROM rules AS r
        CROSS JOIN LATERAL pg_catalog.regexp_matches(r.action, ':relid (\d+)', 'g') AS s (found)
        WHERE r.oid = c.oid AND s.found[1]::bigint BETWEEN 1 AND 16383
    ) AS reads_catalog,
    coalesce((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', i.indexrelid::regclass::text,
            'valid', i.indisvalid,
            'immediate', i.indimmediate,
            'partial', i.indpred IS NOT NULL,
            'expressions', i.indexprs IS NOT NULL
        ) ORDER BY i.indexrelid)
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = c.oid AND i.indisunique AND c.relkind = 'm'
    ), '[]'::json) AS unique_indexes
FROM (SELECT DISTINCT reach.oid FROM reach) AS r
JOIN pg_catalog.pg_class AS c ON c.oid = r.oid AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN called AS f ON f.oid = c.oid
ORDER BY n.nspname, c.relname
