-- purpose: what waits, by cache type: entries, changes, how old, how many fail, how many are dead
-- minimum version: 14
SELECT /* perf-pipeline */
    coalesce(q.cache_type, d.cache_type) AS cache_type,
    coalesce(q.entries, 0) AS entries,
    coalesce(q.changes, 0) AS changes,
    q.oldest,
    q.newest,
    coalesce(q.leased, 0) AS leased,
    coalesce(q.failing, 0) AS failing,
    q.last_error,
    coalesce(d.dead, 0) AS dead,
    d.died_at
FROM (
    SELECT
        w.cache_type,
        count(*) AS entries,
        sum(w.changes)::bigint AS changes,
        min(w.first_queued_at) AS oldest,
        max(w.last_queued_at) AS newest,
        count(*) FILTER (WHERE w.leased_until > pg_catalog.clock_timestamp()) AS leased,
        count(*) FILTER (WHERE w.last_error IS NOT NULL) AS failing,
        max(w.last_error) AS last_error
    FROM perf_pipeline_meta.invalidation_queue AS w
    GROUP BY w.cache_type
) AS q
FULL JOIN (
    SELECT k.cache_type, count(*) AS dead, max(k.died_at) AS died_at
    FROM perf_pipeline_meta.invalidation_dead AS k
    GROUP BY k.cache_type
) AS d ON d.cache_type = q.cache_type
ORDER BY 1
