-- purpose: the days of a target whose findings were computed
-- minimum version: 14
SELECT p.day
FROM perf_mgmt.day_progress AS p
WHERE p.target_id = %(target_id)s AND p.stage = 'findings' AND p.day BETWEEN %(first)s::date AND %(last)s::date
ORDER BY p.day
