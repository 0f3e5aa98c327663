-- purpose: the same thing told twice is one event; a target's events by time
-- minimum version: 14
CREATE UNIQUE INDEX events_once ON perf_mgmt.events (coalesce(target_id, 0), began_at, kind, object);
