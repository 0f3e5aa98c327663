-- purpose: which logs nobody begins to write now, and what logs and queue occupy
-- minimum version: 14
-- A minute belongs to nobody in its first and last seconds: a statement that has just chosen finishes.
SELECT /* perf-pipeline */
    CASE WHEN n.second BETWEEN 2 AND 57 THEN 1 - n.minute %% 2 END::integer AS idle,
    pg_catalog.pg_relation_size('perf_pipeline_meta.invalidation_log_0') AS log_0,
    pg_catalog.pg_relation_size('perf_pipeline_meta.invalidation_log_1') AS log_1,
    pg_catalog.pg_relation_size('perf_pipeline_meta.invalidation_bulk_0') AS bulk_0,
    pg_catalog.pg_relation_size('perf_pipeline_meta.invalidation_bulk_1') AS bulk_1,
    pg_catalog.pg_total_relation_size('perf_pipeline_meta.invalidation_queue') AS queue,
    (
        SELECT count(*) FROM (SELECT FROM perf_pipeline_meta.invalidation_queue LIMIT 100001) AS live
    ) AS entries
FROM (
    SELECT
        pg_catalog.floor(e.seconds / 60)::bigint AS minute,
        e.seconds - 60 * pg_catalog.floor(e.seconds / 60) AS second
    FROM (
        SELECT pg_catalog.date_part('epoch', coalesce(%(at)s::timestamptz, pg_catalog.clock_timestamp())) AS seconds
    ) AS e
) AS n
