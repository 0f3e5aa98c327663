-- purpose: what the report of a span of a target's days would rest on if it were made now
-- minimum version: 14
SELECT perf_mgmt.period_inputs(%(target_id)s, %(first)s, %(last)s) AS inputs
