-- purpose: until when tables partitioned by time have partitions, leaving the default one aside
-- minimum version: 14
-- cadence: every day
-- scope: database
WITH bounds AS (
    SELECT
        p.partrelid AS relid,
        -- a bound as the server writes it: FOR VALUES FROM ('...') TO ('...')
        pg_catalog."substring"(pg_catalog.pg_get_expr(c.relpartbound, c.oid), ' TO \(''([^'']+)''\)$') AS finish
    FROM pg_catalog.pg_partitioned_table AS p
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = p.partrelid
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
    WHERE p.partstrat = 'r' AND p.partnatts = 1 AND p.partattrs[0] > 0 AND c.relispartition
        AND a.atttypid IN (
            'pg_catalog.date'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype,
            'pg_catalog.timestamptz'::pg_catalog.regtype
        )
)
SELECT /* perf-pipeline */
    n.nspname::pg_catalog.text AS schema_name, t.relname::pg_catalog.text AS table_name,
    -- a bound without an offset is the session's time, which is UTC
    (EXTRACT(EPOCH FROM pg_catalog.max(b.finish::pg_catalog.timestamptz) - pg_catalog.now()) / 86400)::pg_catalog.float8 AS days_left,
    pg_catalog.count(*) AS partitions
FROM bounds AS b
JOIN pg_catalog.pg_class AS t ON t.oid = b.relid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE b.finish IS NOT NULL
GROUP BY 1, 2
-- one that was given up has its last partition long behind it
HAVING pg_catalog.bool_and(pg_catalog.isfinite(b.finish::pg_catalog.timestamptz))
ORDER BY 1, 2
