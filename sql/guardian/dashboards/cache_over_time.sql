-- purpose: time to make the dashboards and share of hits, by the quarter of an hour of the last day; no patient is named (G-97)
-- minimum version: 14
SELECT
    to_timestamp(floor(extract(epoch FROM cache_updated_at) / 900) * 900) AS time,
    count(*) AS dashboards,
    avg(cache_generation_time_ms) AS avg_generation_ms,
    100.0 * sum(cache_hits) / nullif(sum(cache_hits + cache_misses), 0) AS hit_percent
FROM guardian.user_dashboard_cache
WHERE cache_updated_at >= now() - interval '24 hours'
GROUP BY 1
ORDER BY 1
