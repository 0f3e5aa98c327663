-- purpose: the report of a day of a target, or its newest, with the day's findings counted
-- minimum version: 14
SELECT
    r.day, r.html, r.markdown, r.content_hash,
    count(f.finding_id) AS findings,
    count(DISTINCT f.incident_id) AS incidents,
    count(f.finding_id) FILTER (
        WHERE f.severity IN ('critical', 'warning')
        AND (f.evidence -> 'feedback' ->> 'verdict') IS DISTINCT FROM 'acknowledged'
    ) AS regressions
FROM perf_mgmt.reports AS r
LEFT JOIN perf_mgmt.findings AS f ON f.target_id = r.target_id AND f.day = r.day
WHERE r.target_id = %(target_id)s AND r.kind = %(kind)s
    AND (%(day)s::date IS NULL OR r.day = %(day)s::date)
GROUP BY r.target_id, r.day, r.kind
ORDER BY r.day DESC
LIMIT 1
