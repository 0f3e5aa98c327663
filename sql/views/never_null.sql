-- purpose: the columns of some incremental views' sources that cannot be NULL, as they are written bare
-- minimum version: 14
-- From 18 on NOT NULL may be a promise that was not tested yet.
SELECT /* perf-pipeline */ r.view_name, pg_catalog.array_agg(a.attname::text) AS columns
FROM perf_pipeline_meta.rollup AS r
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.source::oid
WHERE r.view_name = ANY (%(views)s::text[])
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND pg_catalog.quote_ident(a.attname) = a.attname
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid = a.attrelid AND c.contype = 'n' AND c.conkey = ARRAY[a.attnum] AND NOT c.convalidated
    )
GROUP BY r.view_name
