-- purpose: keep one word on one finding; what was said before stays
-- minimum version: 14
INSERT INTO perf_mgmt.feedback (
    target_id, finding_id, incident_id, whole_incident, verdict, given_by, reason,
    userid, dbid, queryid, toplevel, metric, direction, onset, tolerance_seconds, old_level, new_level,
    severity, cause_kind
) VALUES (
    %(target_id)s, %(finding_id)s, %(incident_id)s, %(whole_incident)s, %(verdict)s, %(given_by)s, %(reason)s,
    %(userid)s, %(dbid)s, %(queryid)s, %(toplevel)s, %(metric)s, %(direction)s, %(onset)s,
    %(tolerance_seconds)s, %(old_level)s, %(new_level)s, %(severity)s, %(cause_kind)s
)
