-- purpose: what people, deployments and Dagster did to a target in a span, as told to us
-- minimum version: 14
SELECT e.kind, e.object, e.began_at, e.ended_at, e.detail, e.source
FROM perf_mgmt.events AS e
WHERE (e.target_id = %(target_id)s OR e.target_id IS NULL)
    AND e.began_at >= %(start)s::timestamptz AND e.began_at < %(end)s::timestamptz
ORDER BY e.began_at, e.event_id
LIMIT 200
