-- purpose: how much of each resource of the server is taken, for a dashboard (G-98)
-- minimum version: 14
SELECT clock_timestamp() AS time, resource_type AS metric, utilization_percent AS value
FROM guardian.system_resource_metrics
WHERE utilization_percent IS NOT NULL
