-- purpose: the events of one execution in their order
-- minimum version: 14
CREATE INDEX perf_events_execution ON perf_mgmt.perf_events (execution_id, event_id);
