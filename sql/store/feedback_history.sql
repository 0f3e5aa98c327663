-- purpose: all that was said of some findings of a target, the newest first
-- minimum version: 14
SELECT finding_id, incident_id, whole_incident, verdict, given_by, given_at, reason
FROM perf_mgmt.feedback
WHERE target_id = %(target_id)s AND finding_id = ANY (%(findings)s::text[])
ORDER BY feedback_id DESC
