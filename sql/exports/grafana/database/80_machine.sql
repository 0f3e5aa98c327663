-- purpose: processors, memory and disk of the machine, taken
-- minimum version: 14
-- panel: timeseries
-- unit: percentunit
SELECT
    r.ts AS time,
    1 - r.cpu_idle_seconds / nullif(
        r.cpu_user_seconds + r.cpu_system_seconds + r.cpu_idle_seconds + coalesce(r.cpu_iowait_seconds, 0)
        + coalesce(r.cpu_steal_seconds, 0), 0
    ) AS "processors",
    1 - r.memory_available_bytes::double precision / nullif(r.memory_total_bytes, 0) AS "memory",
    1 - r.disk_free_bytes::double precision / nullif(r.disk_total_bytes, 0) AS "disk"
FROM ledger.targets AS t
JOIN ledger.host AS r USING (target_id)
WHERE t.name = %(target)s AND r.ts > %(start)s AND r.ts <= %(finish)s
ORDER BY r.ts
