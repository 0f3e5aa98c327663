-- purpose: how much of the shared buffers is taken, and how much of that is not yet written; looks at the head of each buffer
-- minimum version: 16
-- extension: pg_buffercache
-- grant: pg_monitor
-- cadence: every hour
-- scope: instance
SELECT /* perf-pipeline */ v.resource, v.used::pg_catalog.int8 AS used, v.capacity::pg_catalog.int8 AS capacity
FROM {extension}.pg_buffercache_summary() AS b
CROSS JOIN LATERAL (
    VALUES
    ('shared buffers', b.buffers_used, b.buffers_used + b.buffers_unused),
    ('dirty shared buffers', b.buffers_dirty, b.buffers_used + b.buffers_unused)
) AS v (resource, used, capacity)
