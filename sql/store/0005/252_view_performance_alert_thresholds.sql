-- purpose: the thresholds of every policy, in the words of the described table; an answer is the name of an action we know, never a statement
-- minimum version: 14
CREATE VIEW monitoring.performance_alert_thresholds AS
SELECT
    p.target,
    p.policy AS metric_name,
    p.direction,
    p.warning AS warning_threshold,
    p.critical AS critical_threshold,
    p.window_minutes AS evaluation_window_minutes,
    p.frequency_minutes AS alert_frequency_minutes,
    p.response IS NOT NULL AND p.response_mode = 'live' AS auto_response_enabled,
    p.response AS auto_response_action,
    p.enabled
FROM monitoring.alert_policies AS p;
