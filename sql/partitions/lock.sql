-- purpose: one maintainer of partitions for a database; the server frees it when we die, and nobody begins while a second session of a dead one is at work
-- minimum version: 14
WITH first AS MATERIALIZED (
    SELECT pg_catalog.pg_try_advisory_lock(1886413428, 1953066607) AS taken
),
second AS MATERIALIZED (
    SELECT f.taken AND pg_catalog.pg_try_advisory_lock(1886413428, 1953066608) AS taken FROM first AS f
)
SELECT /* perf-pipeline */
    -- the second one is only looked at: our own second session will ask for it
    CASE WHEN s.taken THEN pg_catalog.pg_advisory_unlock(1886413428, 1953066608)
        WHEN f.taken THEN NOT pg_catalog.pg_advisory_unlock(1886413428, 1953066607) ELSE false END AS taken
FROM first AS f CROSS JOIN second AS s
