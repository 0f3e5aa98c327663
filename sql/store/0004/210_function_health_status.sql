-- purpose: the health of one execution in a word: first whether it ran and was measured, then the verdict, then the described limits; HEALTHY only where all is known
-- minimum version: 14
CREATE FUNCTION perf_mgmt.health_status(
    status text, state text, p95_ms double precision, throughput_tps double precision,
    error_percent double precision, cpu_percent double precision, limits_broken boolean
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN status <> 'COMPLETED' THEN status
        WHEN state = 'NO_DATA' OR error_percent IS NULL
            OR coalesce(p95_ms, 0) <= 0 OR coalesce(throughput_tps, 0) <= 0 THEN 'NO_DATA'
        WHEN state = 'REGRESSED' THEN 'REGRESSION'
        WHEN error_percent > 5 THEN 'HIGH_ERROR_RATE'
        WHEN p95_ms > 1000 THEN 'SLOW_RESPONSE'
        WHEN cpu_percent > 80 THEN 'HIGH_CPU'
        WHEN limits_broken THEN 'LIMIT_BROKEN'
        WHEN state IS NULL THEN 'UNJUDGED'
        WHEN state <> 'OK' THEN state
        ELSE 'HEALTHY'
    END
$$;
