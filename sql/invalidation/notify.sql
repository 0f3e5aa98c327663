-- purpose: tells listeners of a channel what is forgotten
-- minimum version: 14
-- cadence: each batch
-- scope: database
SELECT /* perf-pipeline */ count(pg_notify(%(channel)s, m.payload))
FROM unnest(%(payloads)s::text[]) AS m (payload)
