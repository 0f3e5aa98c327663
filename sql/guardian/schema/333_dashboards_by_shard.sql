-- purpose: materialized view guardian.dashboards_by_shard: what dashboards show and cost, by shard (G-46, G-74)
-- minimum version: 14
-- It reads nothing but the kept dashboards: it is as new as they are, and costs no patient's tables.
CREATE MATERIALIZED VIEW IF NOT EXISTS guardian.dashboards_by_shard AS
SELECT
    guardian.calculate_user_shard(patient_id) AS shard_id,
    count(*) AS dashboards,
    sum(pending_reviews) AS pending_reviews,
    sum(critical_allergies) AS critical_allergies,
    round(avg(avg_confidence), 3) AS avg_confidence,
    avg(cache_generation_time_ms) AS avg_generation_ms,
    count(*) FILTER (WHERE cache_generation_time_ms > 2000) AS slow_refreshes,
    sum(cache_hits)::bigint AS hits,
    sum(cache_misses)::bigint AS misses,
    min(cache_updated_at) AS oldest
FROM guardian.user_dashboard_cache
GROUP BY 1;
COMMENT ON MATERIALIZED VIEW guardian.dashboards_by_shard IS
    'One row per shard whose patients have dashboards: what is to be reviewed, how long they took, how often they were found.';
