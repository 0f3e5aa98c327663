-- purpose: drains in which something failed, died, or could not be served
-- minimum version: 14
-- panel: table
SELECT d.started_at AS time, s.cache_type, s.failed, s.dead, s.lost_lease, s.down
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s USING (drain_id)
WHERE d.target = %(target)s AND d.started_at > %(start)s AND d.started_at <= %(finish)s
    AND (s.failed > 0 OR s.dead > 0 OR s.lost_lease > 0 OR s.down IS NOT NULL)
ORDER BY d.started_at DESC
LIMIT 200
