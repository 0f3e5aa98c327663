-- purpose: which cluster answers, and on which timeline: after a failover the counters are another server's
-- minimum version: 14
-- grant: none (PUBLIC may execute both functions unless revoked)
-- cadence: every sweep
SELECT /* perf-pipeline */ s.system_identifier, c.timeline_id
FROM pg_catalog.pg_control_system() AS s, pg_catalog.pg_control_checkpoint() AS c
