-- purpose: function guardian.analyze_shard_balance: which shards have more than their share (G-75)
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.analyze_shard_balance()
RETURNS TABLE (
    shard_id integer,
    users bigint,
    estimated_mb numeric,
    performance_score integer,
    imbalance text,
    advice text
)
LANGUAGE sql
STABLE
AS $$
    WITH share AS (
        SELECT
            d.*,
            0.1 * (d.medications + d.conditions + d.documents) AS mb,
            d.users / avg(d.users) OVER () AS of_mean
        FROM guardian.shard_distribution_analysis AS d
    )
    SELECT
        s.shard_id,
        s.users,
        s.mb,
        CASE  -- none without a cache: not slow, not known
            WHEN s.avg_cache_generation_ms < 1000 THEN 100
            WHEN s.avg_cache_generation_ms < 2000 THEN 80
            WHEN s.avg_cache_generation_ms < 5000 THEN 60
            WHEN s.avg_cache_generation_ms IS NOT NULL THEN 40
        END,
        CASE WHEN s.of_mean > 1.5 THEN 'HIGH' WHEN s.of_mean > 1.2 THEN 'MEDIUM' ELSE 'LOW' END,
        CASE
            WHEN s.of_mean > 1.5 THEN 'move users to other shards'
            WHEN s.of_mean > 1.2 THEN 'watch its growth'
        END
    FROM share AS s
    ORDER BY s.shard_id
$$;
COMMENT ON FUNCTION guardian.analyze_shard_balance IS
    'One row per shard: users, estimated size (0.1 MB per record), score by cache time, imbalance and advice.';
