-- purpose: forget what was told by mistake
-- minimum version: 14
DELETE FROM perf_mgmt.events WHERE event_id = %(event_id)s
RETURNING event_id
