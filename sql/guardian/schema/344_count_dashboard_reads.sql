-- purpose: function guardian.count_dashboard_reads: adds looks at dashboards to their hits and misses (G-32)
-- minimum version: 14
-- A dashboard that somebody else holds keeps its looks for the next time: nobody waits for a statistic.
-- Looks at what is no dashboard yet wait until it is one; of those who are no patients they go.
CREATE OR REPLACE FUNCTION guardian.count_dashboard_reads(most integer DEFAULT 10000)
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    WITH seen AS MATERIALIZED (
        SELECT r.ctid AS place, r.patient_id, r.hit FROM guardian.dashboard_reads AS r LIMIT most FOR UPDATE SKIP LOCKED
    ), held AS MATERIALIZED (
        SELECT k.patient_id
        FROM guardian.user_dashboard_cache AS k
        WHERE k.patient_id = ANY (ARRAY(SELECT DISTINCT s.patient_id FROM seen AS s))
        ORDER BY k.patient_id
        FOR NO KEY UPDATE SKIP LOCKED
    ), counted AS (
        DELETE FROM guardian.dashboard_reads AS r
        USING seen AS s
        WHERE r.ctid = s.place
            AND (
                s.patient_id IN (SELECT h.patient_id FROM held AS h)
                OR NOT EXISTS (SELECT FROM auth.users AS u WHERE u.id = s.patient_id)
            )
        RETURNING r.patient_id, r.hit
    ), added AS (
        UPDATE guardian.user_dashboard_cache AS k
        SET cache_hits = k.cache_hits + c.hits, cache_misses = k.cache_misses + c.misses
        FROM (
            SELECT patient_id, count(*) FILTER (WHERE hit) AS hits, count(*) FILTER (WHERE NOT hit) AS misses
            FROM counted
            GROUP BY patient_id
        ) AS c
        WHERE k.patient_id = c.patient_id
        RETURNING c.hits + c.misses AS n
    )
    SELECT coalesce(sum(n), 0)::bigint FROM added
$$;
COMMENT ON FUNCTION guardian.count_dashboard_reads(integer) IS 'Add up to so many looks to the hits and misses of dashboards; returns how many.';
