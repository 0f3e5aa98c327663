-- purpose: bulk operations on a target that began within the last day, newest first
-- minimum version: 14
SELECT
    l.detail ->> 'what' AS operation, l.started_at AS began, l.outcome, l.rows AS records,
    round(EXTRACT(EPOCH FROM l.finished_at - l.started_at)::numeric / 60, 3)::double precision AS minutes,
    (l.detail ->> 'orphans')::bigint AS orphans
FROM maintenance.maintenance_log AS l
WHERE l.target = %(target)s AND l.operation = %(operation)s AND l.started_at >= now() - interval '1 day'
ORDER BY l.started_at DESC
LIMIT 200
