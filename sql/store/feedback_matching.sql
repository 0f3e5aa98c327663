-- purpose: findings of a target whose name, or whose incident's name, begins so; those known by feedback alone, too
-- minimum version: 14
SELECT DISTINCT ON (known.finding_id) known.*
FROM (
    SELECT f.day, f.finding_id, f.incident_id, f.severity, f.userid, f.dbid, f.queryid, f.toplevel, f.metric,
        f.direction, f.onset, f.old_level, f.new_level, f.causes -> 0 ->> 'kind' AS cause_kind,
        -- six samples: as near as two sightings of one change may lie to each other
        6 * extract(
            epoch FROM (f.evidence -> 'began_between' ->> 1)::timestamptz
                - (f.evidence -> 'began_between' ->> 0)::timestamptz
        )::double precision AS tolerance_seconds,
        false AS by_feedback
    FROM perf_mgmt.findings AS f
    WHERE f.target_id = %(target_id)s
    UNION ALL
    SELECT b.onset::date, b.finding_id, b.incident_id, b.severity, b.userid, b.dbid, b.queryid, b.toplevel, b.metric,
        b.direction, b.onset, b.old_level, b.new_level, b.cause_kind, b.tolerance_seconds, true
    FROM perf_mgmt.feedback AS b
    WHERE b.target_id = %(target_id)s
) AS known
WHERE starts_with(known.finding_id, %(prefix)s) OR starts_with(known.incident_id, %(prefix)s)
ORDER BY known.finding_id, known.by_feedback, known.day DESC
