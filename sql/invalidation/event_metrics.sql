-- purpose: what an application's own function tells of its events, UTC day by UTC day
-- minimum version: 14
-- grant: EXECUTE on the function, and SELECT on what it reads
-- cadence: every day
-- scope: database
SELECT /* perf-pipeline */ d.day, pg_catalog.to_jsonb(m) AS metrics
FROM pg_catalog.unnest(%(days)s::pg_catalog.date[]) AS d (day)
CROSS JOIN LATERAL {metrics}(
    d.day::pg_catalog.timestamp AT TIME ZONE 'UTC', (d.day + 1)::pg_catalog.timestamp AT TIME ZONE 'UTC'
) AS m
ORDER BY d.day
