-- purpose: what an execution of a load test went through, in order
-- minimum version: 14
SELECT event_id, ts, event_type, detail
FROM perf_mgmt.perf_events
WHERE execution_id = %(execution_id)s
ORDER BY event_id
