-- purpose: the newest sweep that a stage's result of each day covers
-- minimum version: 14
SELECT day, covered FROM perf_mgmt.day_progress
WHERE target_id = %(target_id)s AND stage = %(stage)s AND day BETWEEN %(first)s AND %(last)s
ORDER BY day
