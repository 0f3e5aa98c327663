-- purpose: what was told of a target, or of all targets, the newest first
-- minimum version: 14
SELECT e.event_id, t.name AS target, e.kind, e.object, e.began_at, e.ended_at, e.detail, e.source, e.recorded_at
FROM perf_mgmt.events AS e
LEFT JOIN ledger.targets AS t USING (target_id)
WHERE (e.target_id = %(target_id)s OR e.target_id IS NULL)
    AND e.began_at >= coalesce(%(since)s::date, '-infinity'::timestamptz)
ORDER BY e.began_at DESC, e.event_id DESC
LIMIT %(most)s
