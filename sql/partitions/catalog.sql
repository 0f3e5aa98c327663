-- purpose: every partition of some tables with its bounds, and what each table is, in one query; a partition somebody holds exclusively is not waited for
-- minimum version: 14
WITH spaces AS MATERIALIZED (
    -- found once, so that each table is one look into the index of names
    SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ANY (%(schemas)s::text[])
),
wanted AS MATERIALIZED (
    SELECT
        w.place, c.oid, c.relkind, p.partstrat, p.partdefid,
        -- keys of one column are what we serve; of others the columns are told all the same
        CASE WHEN p.partnatts = 1 THEN ARRAY[COALESCE(a.attname, '')]
            WHEN p.partnatts > 1 THEN ARRAY(
                SELECT COALESCE(o.attname, '')
                FROM unnest(p.partattrs::smallint[]) WITH ORDINALITY AS k (attnum, place)
                LEFT JOIN pg_catalog.pg_attribute AS o
                    ON o.attrelid = c.oid AND o.attnum = k.attnum AND k.attnum <> 0
                ORDER BY k.place
            ) END AS columns,
        pg_catalog.format_type(a.atttypid, NULL) AS column_type
    FROM unnest(%(schemas)s::text[], %(tables)s::text[]) WITH ORDINALITY AS w (schema_name, table_name, place)
    LEFT JOIN spaces AS n ON n.nspname = w.schema_name
    LEFT JOIN pg_catalog.pg_class AS c
        ON c.relnamespace = n.oid AND c.relname = w.table_name AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
    LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = c.oid
    LEFT JOIN LATERAL (
        -- OFFSET: else all columns of each table are read
        SELECT t.attname, t.atttypid FROM pg_catalog.pg_attribute AS t
        WHERE t.attrelid = p.partrelid AND t.attnum = p.partattrs[0] AND t.attnum <> 0 OFFSET 0
    ) AS a ON true
),
server AS MATERIALIZED (
    SELECT
        pg_catalog.clock_timestamp() AS clock, pg_catalog.pg_is_in_recovery() AS in_recovery,
        pg_catalog.current_setting('block_size')::bigint AS block
),
locked AS MATERIALIZED (
    SELECT l.relation FROM pg_catalog.pg_locks AS l
    WHERE l.mode = 'AccessExclusiveLock' AND l.granted AND l.locktype = 'relation'
)
SELECT /* perf-pipeline */
    w.place, w.oid, w.relkind, w.partstrat, w.columns, w.column_type,
    s.nspname AS schema_name, c.oid AS child, c.relname AS name,
    -- 0: a bound names no column; with the relation, newer servers would wait for its lock
    pg_catalog.pg_get_expr(c.relpartbound, 0) AS bounds,
    i.inhdetachpending AS pending,
    CASE WHEN c.reltuples >= 0 THEN c.reltuples END::double precision AS rows,
    c.relpages * v.block AS bytes,
    -- a partition by default is empty when it has no page: no need to read it
    CASE
        WHEN c.oid = w.partdefid AND c.oid NOT IN (SELECT l.relation FROM locked AS l)
            THEN CASE WHEN c.relkind = 'p' THEN 1 ELSE pg_catalog.pg_relation_size(c.oid) END
    END AS default_bytes,
    -- once: to write it as text for each row is a tenth of all
    CASE WHEN w.place = 1 THEN v.clock END AS clock, v.in_recovery
FROM wanted AS w
CROSS JOIN server AS v
LEFT JOIN (
    pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace
) ON i.inhparent = w.oid AND w.relkind = 'p'
