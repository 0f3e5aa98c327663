-- purpose: the newest word on each finding of a target, without those that were taken back
-- minimum version: 14
SELECT newest.finding_id, newest.incident_id, newest.whole_incident, newest.verdict, newest.given_by, newest.given_at,
    newest.reason, newest.userid, newest.dbid, newest.queryid, newest.toplevel, newest.metric, newest.direction,
    newest.onset, newest.tolerance_seconds, newest.old_level, newest.new_level, newest.severity, newest.cause_kind
FROM (
    SELECT DISTINCT ON (finding_id) *
    FROM perf_mgmt.feedback
    WHERE target_id = %(target_id)s
    ORDER BY finding_id, feedback_id DESC
) AS newest
WHERE newest.verdict <> 'cleared'
ORDER BY newest.onset, newest.finding_id
