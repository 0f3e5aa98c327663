-- purpose: some incremental views as they are now: their declaration, the tables they read, whether all is captured
-- minimum version: 14
-- `made`: what belongs to it is there, and its source is still the table of that name (a table may have been
-- put in its place). `armed`: each of these tables has its four triggers, firing always. `lasting`: a crash empties none of
-- them, which fires no trigger and leaves the file's name. `shown`: the view people read reads our
-- table. `filenodes` are as they are, not as a transaction's snapshot shows them: a TRUNCATE is seen although
-- it is newer.
SELECT /* perf-pipeline */
    r.rollup_id,
    r.view_name,
    r.spec,
    r.generation,
    r.group_count,
    r.full_seconds,
    r.seconds_per_group,
    r.seconds_per_change,
    r.members = m.oids AND r.filenodes = m.filenodes AS same_tables,
    m.oids::bigint[] AS members,
    m.filenodes,
    m.armed = 4 * pg_catalog.cardinality(m.oids) AS armed,
    NOT EXISTS (SELECT FROM pg_catalog.pg_class AS u WHERE u.oid = ANY (m.oids) AND u.relpersistence = 'u') AS lasting,
    pg_catalog.to_regclass(pg_catalog.format('perf_pipeline_meta.%%I', 'rollup_' || r.rollup_id || '_changes')) IS NOT NULL
    AND pg_catalog.to_regclass(pg_catalog.format(
        '%%I.%%I', pg_catalog.split_part(r.spec #>> '{declared,source}', '.', 1), pg_catalog.split_part(r.spec #>> '{declared,source}', '.', 2)
    )) = r.source AS made,
    EXISTS (
        SELECT
        FROM pg_catalog.pg_rewrite AS w
        JOIN pg_catalog.pg_depend AS d
            ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
            AND d.refclassid = 'pg_catalog.pg_class'::regclass
        WHERE w.ev_class = pg_catalog.to_regclass(pg_catalog.format(
                '%%I.%%I', pg_catalog.split_part(r.view_name, '.', 1), pg_catalog.split_part(r.view_name, '.', 2)
            ))
            AND d.refobjid = pg_catalog.to_regclass('perf_pipeline_meta.rollup_' || r.rollup_id || '_g' || r.generation)
    ) AS shown
FROM perf_pipeline_meta.rollup AS r
CROSS JOIN LATERAL (
    WITH RECURSIVE member AS (
        SELECT r.source::oid AS oid
        UNION
        SELECT i.inhrelid
        FROM member AS b
        JOIN pg_catalog.pg_inherits AS i ON i.inhparent = b.oid
    )
    SELECT
        pg_catalog.array_agg(b.oid ORDER BY b.oid) AS oids,
        coalesce(pg_catalog.string_agg(pg_catalog.pg_relation_filenode(b.oid)::text, ',' ORDER BY b.oid), '') AS filenodes,
        coalesce(sum((
            SELECT count(*)
            FROM pg_catalog.pg_trigger AS t
            WHERE t.tgrelid = b.oid AND t.tgenabled = 'A'
                AND t.tgname IN (
                    'perf_pipeline_rollup_' || r.rollup_id || '_insert',
                    'perf_pipeline_rollup_' || r.rollup_id || '_update',
                    'perf_pipeline_rollup_' || r.rollup_id || '_delete',
                    'perf_pipeline_rollup_' || r.rollup_id || '_truncate'
                )
        )), 0) AS armed
    FROM member AS b
) AS m
WHERE r.view_name = ANY (%(views)s::text[])
