-- purpose: what was taken of each thing on the days up to one, oldest first
-- minimum version: 14
SELECT day, resource, object, used, capacity, unit
FROM perf_mgmt.capacity_daily
WHERE target_id = %(target_id)s AND day BETWEEN %(first)s AND %(last)s
ORDER BY resource, object, day
