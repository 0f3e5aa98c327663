-- purpose: takes what is in the log and adds it to the queue; what has to be looked up first comes back
-- minimum version: 14
-- At least one row: what was taken and added; beside it, per rule with a path, the keys to look up.
-- DELETE, not TRUNCATE: an entry may be committed at any moment. What no index could hold must not keep
-- the rest back: an entity of more than 1,000 bytes becomes every one, a cache type is cut off.
WITH /* perf-pipeline */ gone AS (
    DELETE FROM perf_pipeline_meta.invalidation_log_0
    WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM perf_pipeline_meta.invalidation_log_0 AS l LIMIT %(most)s::bigint))
    RETURNING rule_id, cache_type, entity, queued_at, reason
),
gone_1 AS (
    DELETE FROM perf_pipeline_meta.invalidation_log_1
    WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM perf_pipeline_meta.invalidation_log_1 AS l LIMIT %(most)s::bigint))
    RETURNING rule_id, cache_type, entity, queued_at, reason
),
bulk AS (
    DELETE FROM perf_pipeline_meta.invalidation_bulk_0
    WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM perf_pipeline_meta.invalidation_bulk_0 AS l LIMIT %(most)s::bigint))
    RETURNING rule_id, NULL::text AS cache_type, entity, queued_at, NULL::text AS reason
),
bulk_1 AS (
    DELETE FROM perf_pipeline_meta.invalidation_bulk_1
    WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM perf_pipeline_meta.invalidation_bulk_1 AS l LIMIT %(most)s::bigint))
    RETURNING rule_id, NULL::text AS cache_type, entity, queued_at, NULL::text AS reason
),
entry AS MATERIALIZED (
    SELECT
        e.rule_id,
        e.cache_type,
        e.entity,
        count(*) AS changes,
        min(e.queued_at) AS first_queued_at,
        max(e.queued_at) AS last_queued_at,
        max(e.reason) AS reason
    FROM (
        SELECT * FROM gone
        UNION ALL SELECT * FROM gone_1
        UNION ALL SELECT * FROM bulk
        UNION ALL SELECT * FROM bulk_1
    ) AS e
    GROUP BY e.rule_id, e.cache_type, e.entity
),
direct AS (
    INSERT INTO perf_pipeline_meta.invalidation_queue AS q
        (cache_type, entity, generation, first_queued_at, last_queued_at, changes, reason)
    SELECT
        d.cache_type,
        d.entity,
        pg_catalog.nextval('perf_pipeline_meta.invalidation_generation'),
        d.first_queued_at,
        d.last_queued_at,
        d.changes,
        d.reason
    FROM (
        SELECT
            left(coalesce(r.cache_type, e.cache_type, 'rule ' || e.rule_id), 200) AS cache_type,
            coalesce(CASE WHEN octet_length(e.entity) <= 1000 THEN e.entity END, '*') AS entity,
            min(e.first_queued_at) AS first_queued_at,
            max(e.last_queued_at) AS last_queued_at,
            sum(e.changes)::bigint AS changes,
            coalesce(max(coalesce(nullif(e.reason, ''), r.reason)), '') AS reason
        FROM entry AS e
        LEFT JOIN perf_pipeline_meta.invalidation_rule AS r ON r.rule_id = e.rule_id
        WHERE e.entity IS NULL OR r.path IS NOT TRUE
        GROUP BY 1, 2
    ) AS d
    ON CONFLICT (cache_type, entity) DO UPDATE SET
        generation = excluded.generation,
        first_queued_at = least(q.first_queued_at, excluded.first_queued_at),
        last_queued_at = greatest(q.last_queued_at, excluded.last_queued_at),
        changes = q.changes + excluded.changes,
        reason = excluded.reason,
        again_first_at = CASE WHEN q.lease_id IS NOT NULL THEN coalesce(q.again_first_at, excluded.first_queued_at) END,
        again_changes = CASE WHEN q.lease_id IS NOT NULL THEN q.again_changes + excluded.changes ELSE 0 END
    RETURNING q.changes
),
asked AS (
    SELECT
        e.rule_id,
        pg_catalog.array_agg(e.entity ORDER BY e.entity) AS keys,
        pg_catalog.array_agg(e.changes ORDER BY e.entity) AS changes,
        pg_catalog.array_agg(e.first_queued_at ORDER BY e.entity) AS firsts,
        pg_catalog.array_agg(e.last_queued_at ORDER BY e.entity) AS lasts
    FROM entry AS e
    JOIN perf_pipeline_meta.invalidation_rule AS r ON r.rule_id = e.rule_id
    WHERE e.entity IS NOT NULL AND r.path
    GROUP BY e.rule_id
)
SELECT
    t.taken,
    t.added,
    r.rule_id,
    r.cache_type,
    r.entity AS path,
    r.key_type,
    r.reason,
    a.keys,
    a.changes,
    a.firsts,
    a.lasts
FROM (
    SELECT
        (SELECT coalesce(sum(e.changes), 0)::bigint FROM entry AS e) AS taken,
        (SELECT count(*) FROM direct) AS added
) AS t
LEFT JOIN asked AS a ON true
LEFT JOIN perf_pipeline_meta.invalidation_rule AS r ON r.rule_id = a.rule_id
