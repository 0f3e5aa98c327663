-- purpose: what is in the log and not yet in the queue: entries, since when, and bytes of log and queue
-- minimum version: 14
SELECT /* perf-pipeline */
    (SELECT count(*) FROM perf_pipeline_meta.invalidation_log_0)
    + (SELECT count(*) FROM perf_pipeline_meta.invalidation_log_1)
    + (SELECT count(*) FROM perf_pipeline_meta.invalidation_bulk_0)
    + (SELECT count(*) FROM perf_pipeline_meta.invalidation_bulk_1) AS entries,
    least(
        (SELECT min(l.queued_at) FROM perf_pipeline_meta.invalidation_log_0 AS l),
        (SELECT min(l.queued_at) FROM perf_pipeline_meta.invalidation_log_1 AS l),
        (SELECT min(l.queued_at) FROM perf_pipeline_meta.invalidation_bulk_0 AS l),
        (SELECT min(l.queued_at) FROM perf_pipeline_meta.invalidation_bulk_1 AS l)
    ) AS oldest,
    pg_catalog.pg_total_relation_size('perf_pipeline_meta.invalidation_log_0')
    + pg_catalog.pg_total_relation_size('perf_pipeline_meta.invalidation_log_1')
    + pg_catalog.pg_total_relation_size('perf_pipeline_meta.invalidation_bulk_0')
    + pg_catalog.pg_total_relation_size('perf_pipeline_meta.invalidation_bulk_1') AS log_bytes,
    pg_catalog.pg_total_relation_size('perf_pipeline_meta.invalidation_queue') AS queue_bytes
