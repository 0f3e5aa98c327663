-- purpose: findings of yesterday and today of which nobody has said anything
-- minimum version: 14
-- kind: gauge
-- labels: target, severity
SELECT t.name AS target, kinds.severity, count(f.finding_id)::double precision AS open
FROM ledger.targets AS t
CROSS JOIN (VALUES ('critical'), ('warning'), ('info')) AS kinds (severity)
LEFT JOIN LATERAL (
    SELECT DISTINCT g.finding_id
    FROM perf_mgmt.findings AS g
    WHERE g.target_id = t.target_id AND g.severity = kinds.severity
        AND g.day >= (%(now)s::timestamptz AT TIME ZONE 'UTC')::date - 1
        AND g.day <= (%(now)s::timestamptz AT TIME ZONE 'UTC')::date
        AND coalesce((
            SELECT b.verdict
            FROM perf_mgmt.feedback AS b
            WHERE b.target_id = g.target_id AND b.finding_id = g.finding_id
            ORDER BY b.feedback_id DESC
            LIMIT 1
        ), 'cleared') = 'cleared'
) AS f ON true
GROUP BY t.name, kinds.severity
