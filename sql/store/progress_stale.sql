-- purpose: days of a target whose baseline, findings or report rest on rollups that have changed since
-- minimum version: 14
SELECT made.day, array_agg(made.stage ORDER BY made.stage) AS stages
FROM perf_mgmt.day_progress AS made
JOIN perf_mgmt.day_inputs AS now USING (target_id, day)
WHERE made.target_id = %(target_id)s AND made.inputs IS NOT NULL AND made.inputs <> now.inputs
GROUP BY made.day
ORDER BY made.day
