-- purpose: each change of a statement found in the days of a window and not over: 2 critical, 1 a warning; what has one cause is one incident
-- minimum version: 14
SELECT DISTINCT ON (e.finish, f.finding_id)
    e.finish, f.onset AS as_of, f.finding_id AS subject,
    CASE f.severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END AS value,
    1 AS samples, 'regression:' || f.incident_id AS cause,
    f.metric || ' of statement ' || f.queryid || ' ' || CASE f.direction WHEN 'up' THEN 'rose' ELSE 'fell' END
    || ' from ' || round(f.old_level::numeric, 3) || ' to ' || round(f.new_level::numeric, 3)
    || coalesce('; likely cause: ' || (f.causes -> 0 ->> 'kind'), '')
    || coalesce(' ' || nullif(f.causes -> 0 ->> 'object', ''), '') AS told
FROM unnest(%(ends)s::timestamptz []) AS e (finish)
JOIN perf_mgmt.findings AS f
    ON f.target_id = %(target_id)s AND f.severity IN ('critical', 'warning')
    AND f.onset <= e.finish AND f.onset > e.finish - %(window_s)s::float8 * interval '1 second'
    AND f.day <= (e.finish AT TIME ZONE 'UTC')::date
    AND f.day > ((e.finish - %(window_s)s::float8 * interval '1 second') AT TIME ZONE 'UTC')::date - 1
ORDER BY e.finish, f.finding_id, f.day DESC
