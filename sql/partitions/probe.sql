-- purpose: for each of some tables what changes when a partition is attached or detached, and whether its default partition is empty; no partition is looked at
-- minimum version: 14
WITH spaces AS MATERIALIZED (
    SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ANY (%(schemas)s::text[])
),
wanted AS MATERIALIZED (
    SELECT
        w.place, c.oid, p.partdefid,
        (
            SELECT t.attname FROM pg_catalog.pg_attribute AS t
            WHERE t.attrelid = p.partrelid AND t.attnum = p.partattrs[0] AND t.attnum <> 0
        ) AS column_name
    FROM unnest(%(schemas)s::text[], %(tables)s::text[]) WITH ORDINALITY AS w (schema_name, table_name, place)
    LEFT JOIN spaces AS n ON n.nspname = w.schema_name
    LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.table_name AND c.relkind = 'p'
    LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = c.oid
),
locked AS MATERIALIZED (
    SELECT l.relation FROM pg_catalog.pg_locks AS l
    WHERE l.mode = 'AccessExclusiveLock' AND l.granted AND l.locktype = 'relation'
)
SELECT /* perf-pipeline */
    w.oid, w.column_name, i.partitions, i.attachments, i.pending,
    CASE WHEN w.partdefid <> 0 AND w.partdefid NOT IN (SELECT l.relation FROM locked AS l) THEN (
        SELECT CASE WHEN d.relkind = 'p' OR (
            -- left by a killed run, to be removed
            d.relchecks > 0 AND EXISTS (
                SELECT FROM pg_catalog.pg_constraint AS k
                WHERE k.conrelid = d.oid AND k.contype = 'c' AND k.conname LIKE 'perf\_pipeline\_without\_%%'
            )
        ) THEN 1 ELSE pg_catalog.pg_relation_size(d.oid) END
        FROM pg_catalog.pg_class AS d WHERE d.oid = w.partdefid
    ) WHEN w.partdefid = 0 THEN 0 END AS default_bytes,
    CASE WHEN w.place = 1 THEN pg_catalog.clock_timestamp() END AS clock,
    CASE WHEN w.place = 1 THEN pg_catalog.pg_is_in_recovery() END AS in_recovery,
    -- what is known of one server says nothing of what is restored, promoted or made anew in its place
    CASE WHEN w.place = 1 THEN pg_catalog.pg_postmaster_start_time()::text || ' ' || (
        SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname = pg_catalog.current_database()
    ) END AS server
FROM wanted AS w
LEFT JOIN LATERAL (
    -- bounds change by detaching and attaching only, and that writes another row here
    SELECT
        count(*) AS partitions,
        bit_xor(pg_catalog.hashint8extended(a.inhrelid::bigint, a.xmin::text::bigint)) AS attachments,
        COALESCE(bool_or(a.inhdetachpending), false) AS pending
    FROM pg_catalog.pg_inherits AS a WHERE a.inhparent = w.oid
) AS i ON true
ORDER BY w.place
