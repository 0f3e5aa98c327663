-- purpose: keep what an execution of a load test has come to
-- minimum version: 14
INSERT INTO perf_mgmt.perf_events (execution_id, ts, event_type, detail)
VALUES (%(execution_id)s, %(ts)s, %(event_type)s, %(detail)s)
RETURNING event_id
