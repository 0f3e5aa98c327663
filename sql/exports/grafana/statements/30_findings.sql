-- purpose: what was found
-- minimum version: 14
-- panel: table
SELECT f.onset AS time, f.severity, f.metric, f.queryid::text AS queryid, f.relative_change, f.causes -> 0 ->> 'kind' AS cause
FROM ledger.targets AS t
JOIN perf_mgmt.findings AS f USING (target_id)
WHERE t.name = %(target)s AND f.is_new
    AND f.day >= (%(start)s::timestamptz AT TIME ZONE 'UTC')::date
    AND f.day <= (%(finish)s::timestamptz AT TIME ZONE 'UTC')::date
ORDER BY f.onset DESC
LIMIT 100
