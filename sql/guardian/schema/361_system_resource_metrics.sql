-- purpose: view guardian.system_resource_metrics: what the server has a fixed number of, and how much of it is taken (G-76)
-- minimum version: 14
-- How many buffers are in use only the extension pg_buffercache tells, by a look at each: the sweeps do it.
CREATE OR REPLACE VIEW guardian.system_resource_metrics AS
SELECT
    r.resource_type,
    r.current_usage,
    r.capacity,
    r.unit,
    round(100.0 * r.current_usage / nullif(r.capacity, 0), 1) AS utilization_percent
FROM (
    SELECT
        'connections' AS resource_type,
        (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend') AS current_usage,
        current_setting('max_connections')::bigint AS capacity,
        'connections' AS unit
    UNION ALL
    SELECT 'shared_buffers', NULL, pg_size_bytes(current_setting('shared_buffers')), 'bytes'
    UNION ALL
    SELECT
        'temporary_files',
        guardian.temporary_bytes(),
        CASE WHEN current_setting('temp_file_limit') <> '-1' THEN pg_size_bytes(current_setting('temp_file_limit')) END,
        'bytes'
) AS r;
COMMENT ON VIEW guardian.system_resource_metrics IS
    'One row per resource of the server; no capacity is no limit, no usage is not told by this server.';
