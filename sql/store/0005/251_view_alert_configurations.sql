-- purpose: what is alerted about, in the words of the described table of configurations
-- minimum version: 14
CREATE VIEW perf_mgmt.alert_configurations AS
SELECT
    p.target,
    p.policy AS alert_name,
    p.kind AS alert_type,
    -- a policy is of a target, whatever its business
    NULL::perf_mgmt.industry_enum AS industry,
    jsonb_strip_nulls(jsonb_build_object(
        'metric', p.metric, 'direction', p.direction, 'warning', p.warning, 'critical', p.critical,
        'window_minutes', p.window_minutes
    )) AS threshold_config,
    CASE WHEN p.critical IS NULL THEN 'MEDIUM' ELSE 'CRITICAL' END::perf_mgmt.alert_severity_enum AS severity,
    p.channels AS notification_channels,
    p.delivery AS frequency,
    p.enabled AS is_active
FROM monitoring.alert_policies AS p;
