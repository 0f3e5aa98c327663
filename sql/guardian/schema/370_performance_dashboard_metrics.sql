-- purpose: view guardian.performance_dashboard_metrics: cache, queue, database and connections, each with its status (G-45 to G-49)
-- minimum version: 14
-- Looks at dashboards that are not added to them yet count. Fewer than 1,000 rows are no table that wants a vacuum; the age of the queue is that of its first
-- entry; the age of a transaction counts from its start, not from its last change of state.
CREATE OR REPLACE VIEW guardian.performance_dashboard_metrics AS
SELECT
    'cache_performance' AS category,
    jsonb_build_object(
        'entries', c.entries,
        'avg_generation_ms', c.avg_ms,
        'slow_refreshes', c.slow,
        'hit_percent', round(100.0 * (c.hits + r.hits) / nullif(c.hits + c.misses + r.looks, 0), 2)
    ) AS metrics,
    CASE
        WHEN c.entries = 0 THEN 'NO_DATA'
        WHEN c.avg_ms > 2000 OR c.slow > 10 THEN 'WARNING'
        ELSE 'OK'
    END AS status
FROM (
    SELECT
        count(*) AS entries,
        avg(cache_generation_time_ms) AS avg_ms,
        count(*) FILTER (WHERE cache_generation_time_ms > 2000) AS slow,
        coalesce(sum(cache_hits), 0) AS hits,
        coalesce(sum(cache_misses), 0) AS misses
    FROM guardian.user_dashboard_cache
) AS c
CROSS JOIN (SELECT count(*) AS looks, count(*) FILTER (WHERE hit) AS hits FROM guardian.dashboard_reads) AS r
UNION ALL
SELECT
    'queue_performance',
    jsonb_build_object(
        'pending', q.pending,
        'oldest_seconds', round(extract(epoch FROM clock_timestamp() - q.oldest), 1),
        'affected_users', q.users
    ),
    CASE WHEN q.pending > 1000 THEN 'CRITICAL' WHEN q.pending > 500 THEN 'WARNING' ELSE 'OK' END
FROM (
    SELECT count(*) AS pending, min(queued_at) AS oldest, count(DISTINCT patient_id) AS users
    FROM guardian.cache_invalidation_queue
) AS q
UNION ALL
SELECT
    'database_performance',
    jsonb_build_object('cache_hit_percent', d.hit_percent, 'tables_with_dead_rows', v.tables),
    CASE
        WHEN d.hit_percent IS NULL THEN 'NO_DATA'
        WHEN d.hit_percent < 95 OR v.tables > 5 THEN 'WARNING'
        ELSE 'OK'
    END
FROM (
    SELECT round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2) AS hit_percent
    FROM pg_catalog.pg_stat_database
    WHERE datname = current_database()
) AS d
CROSS JOIN (
    SELECT count(*) AS tables
    FROM pg_catalog.pg_stat_user_tables
    WHERE n_live_tup + n_dead_tup >= 1000 AND n_dead_tup > 0.1 * (n_live_tup + n_dead_tup)
) AS v
UNION ALL
SELECT
    'connection_metrics',
    jsonb_build_object(
        'active', a.active,
        'idle_in_transaction', a.idle_in_transaction,
        'longest_transaction_seconds', round(a.longest, 1)
    ),
    CASE WHEN a.idle_in_transaction > 5 OR a.longest > 300 OR a.active > 50 THEN 'WARNING' ELSE 'OK' END
FROM (
    SELECT
        count(*) FILTER (WHERE state = 'active') AS active,
        count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
        max(extract(epoch FROM clock_timestamp() - xact_start)) AS longest
    FROM pg_catalog.pg_stat_activity
    WHERE backend_type = 'client backend'
) AS a;
COMMENT ON VIEW guardian.performance_dashboard_metrics IS
    'One row per category of health: its figures and OK, WARNING, CRITICAL or NO_DATA.';
