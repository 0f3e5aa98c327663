-- purpose: view guardian.shard_distribution_analysis: users and what they have by shard (G-74)
-- minimum version: 14
CREATE OR REPLACE VIEW guardian.shard_distribution_analysis AS
SELECT
    s.shard_id,
    count(*) AS users,
    coalesce(sum(m.n), 0)::bigint AS medications,
    coalesce(sum(c.n), 0)::bigint AS conditions,
    coalesce(sum(d.n), 0)::bigint AS documents,
    avg(k.cache_generation_time_ms) AS avg_cache_generation_ms,
    max(greatest(u.created_at, m.last, c.last, d.last)) AS last_activity_at
FROM auth.users AS u
CROSS JOIN LATERAL (SELECT guardian.calculate_user_shard(u.id)) AS s (shard_id)
LEFT JOIN (
    SELECT patient_id, count(*) AS n, max(updated_at) AS last FROM guardian.patient_medications GROUP BY 1
) AS m ON m.patient_id = u.id
LEFT JOIN (
    SELECT patient_id, count(*) AS n, max(updated_at) AS last FROM guardian.patient_conditions GROUP BY 1
) AS c ON c.patient_id = u.id
LEFT JOIN (
    SELECT user_id, count(*) AS n, max(updated_at) AS last FROM guardian.documents GROUP BY 1
) AS d ON d.user_id = u.id
LEFT JOIN guardian.user_dashboard_cache AS k ON k.patient_id = u.id
GROUP BY s.shard_id;
COMMENT ON VIEW guardian.shard_distribution_analysis IS 'One row per shard with users.';
