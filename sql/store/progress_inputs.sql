-- purpose: what the results of some days of a target that are made now rest on
-- minimum version: 14
SELECT day, inputs FROM perf_mgmt.day_inputs
WHERE target_id = %(target_id)s AND day BETWEEN %(first)s::date AND %(last)s::date
ORDER BY day
