-- purpose: which of some incremental views have nothing to do, and note that they were found so; one round trip
-- minimum version: 14
-- All of it holds: made from this declaration, of the table that has the source's name now, and filled; the
-- same tables with the same files, none added or taken away, none unlogged (a crash empties it unseen); each
-- with its four triggers, firing always; the view people read reads our table; nothing captured, nothing asked
-- for. In doubt a view is left out, and the long way says why. When it was noted need not survive a crash: that
-- commit does not wait for the disk. A log whose file has no page is empty, and need not be asked. Counted, not
-- EXISTS: a join with the catalogs would be planned by what is known of our tables, which is nothing before they
-- are analyzed.
UPDATE /* perf-pipeline */ perf_pipeline_meta.mv_refresh_state AS s
SET checked_at = %(at)s::timestamptz
FROM perf_pipeline_meta.rollup AS r
WHERE r.view_name = ANY (ARRAY(SELECT pg_catalog.jsonb_object_keys(%(declared)s::jsonb)))
    AND s.view_name = r.view_name
    AND r.generation > 0
    AND r.spec -> 'declared' = %(declared)s::jsonb -> r.view_name
    AND r.source::oid = ANY (r.members)
    AND r.source = pg_catalog.to_regclass(pg_catalog.format(
        '%%I.%%I', pg_catalog.split_part(r.spec #>> '{declared,source}', '.', 1), pg_catalog.split_part(r.spec #>> '{declared,source}', '.', 2)
    ))
    AND r.filenodes = pg_catalog.array_to_string(
        ARRAY(SELECT pg_catalog.pg_relation_filenode(m.oid) FROM pg_catalog.unnest(r.members) AS m (oid)), ','
    )
    AND (
        SELECT count(DISTINCT i.inhrelid) = pg_catalog.cardinality(r.members) - 1
            AND coalesce(pg_catalog.bool_and(i.inhrelid = ANY (r.members)), true)
        FROM pg_catalog.pg_inherits AS i
        WHERE i.inhparent = ANY (r.members)
    )
    AND 0 = (SELECT count(*) FROM pg_catalog.pg_class AS u WHERE u.oid = ANY (r.members) AND u.relpersistence = 'u')
    AND 4 * pg_catalog.cardinality(r.members) = (
        SELECT count(*)
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = ANY (r.members) AND t.tgenabled = 'A'
            AND t.tgname IN (
                'perf_pipeline_rollup_' || r.rollup_id || '_insert',
                'perf_pipeline_rollup_' || r.rollup_id || '_update',
                'perf_pipeline_rollup_' || r.rollup_id || '_delete',
                'perf_pipeline_rollup_' || r.rollup_id || '_truncate'
            )
    )
    AND 0 < (
        SELECT count(*)
        FROM pg_catalog.pg_rewrite AS w
        JOIN pg_catalog.pg_depend AS d
            ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
            AND d.refclassid = 'pg_catalog.pg_class'::regclass
        WHERE w.ev_class = pg_catalog.to_regclass(pg_catalog.format(
                '%%I.%%I', pg_catalog.split_part(r.view_name, '.', 1), pg_catalog.split_part(r.view_name, '.', 2)
            ))
            AND d.refobjid = pg_catalog.to_regclass('perf_pipeline_meta.rollup_' || r.rollup_id || '_g' || r.generation)
    )
    AND CASE
        WHEN 0 = pg_catalog.pg_relation_size(pg_catalog.to_regclass('perf_pipeline_meta.rollup_' || r.rollup_id || '_changes'))
        THEN true
        ELSE NOT perf_pipeline_meta.has_changes(r.rollup_id)
    END
    AND 0 = (SELECT count(*) FROM perf_pipeline_meta.mv_refresh_queue AS q WHERE q.view_name = r.view_name)
RETURNING s.view_name, pg_catalog.set_config('synchronous_commit', 'off', true) AS commit_waits
