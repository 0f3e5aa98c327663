-- purpose: view guardian.cache_invalidation_queue: one row per patient and cache that is out of date (G-21)
-- minimum version: 14
-- The queue is perf_pipeline_meta's, which only workers write, and the log, which only applications
-- write: neither waits for the other. A row without a generation is in the log alone. A row without a
-- patient is of every one of its cache, or of what is no patient.
CREATE OR REPLACE VIEW guardian.cache_invalidation_queue AS
SELECT
    guardian.patient_of(e.entity) AS patient_id,
    e.cache_type,
    max(e.reason) AS reason,
    min(e.queued_at) AS queued_at,
    max(e.last_changed_at) AS last_changed_at,
    max(e.generation) AS generation,
    coalesce(max(e.attempts), 0) AS attempts,
    max(e.last_error) AS last_error
FROM (
    SELECT
        q.cache_type, q.entity, q.reason, q.first_queued_at AS queued_at, q.last_queued_at AS last_changed_at,
        q.generation, q.attempts, q.last_error
    FROM perf_pipeline_meta.invalidation_queue AS q
    UNION ALL
    SELECT
        coalesce(r.cache_type, l.cache_type, 'dashboard'), coalesce(l.entity, '*'), coalesce(nullif(l.reason, ''), r.reason, ''),
        l.queued_at, l.queued_at, NULL, NULL, NULL
    FROM (
        SELECT a.rule_id, a.cache_type, a.entity, a.reason, a.queued_at FROM perf_pipeline_meta.invalidation_log_0 AS a
        UNION ALL
        SELECT a.rule_id, a.cache_type, a.entity, a.reason, a.queued_at FROM perf_pipeline_meta.invalidation_log_1 AS a
        UNION ALL
        SELECT b.rule_id, NULL, b.entity, NULL, b.queued_at FROM perf_pipeline_meta.invalidation_bulk_0 AS b
        UNION ALL
        SELECT b.rule_id, NULL, b.entity, NULL, b.queued_at FROM perf_pipeline_meta.invalidation_bulk_1 AS b
    ) AS l
    LEFT JOIN perf_pipeline_meta.invalidation_rule AS r ON r.rule_id = l.rule_id
) AS e
GROUP BY e.cache_type, e.entity;
COMMENT ON VIEW guardian.cache_invalidation_queue IS
    'One row per patient and cache that is out of date, in the queue or still in the log.';
