-- purpose: the machine of a target's server over the intervals of a span that are known from end to end
-- minimum version: 14
-- hot only: the hour, or the week, before a sweep that was just taken
WITH holder AS (
    SELECT s.server_target_id AS target_id FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
    ORDER BY s.ts DESC
    LIMIT 1
),
machine AS (
    SELECT
        m.*, EXTRACT(EPOCH FROM s.ts - s.previous_ts) AS seconds,
        m.cpu_user_seconds + m.cpu_system_seconds + m.cpu_idle_seconds
        + coalesce(m.cpu_iowait_seconds, 0) + coalesce(m.cpu_steal_seconds, 0) AS cpu_seconds
    FROM holder AS h
    JOIN ledger.host AS m USING (target_id)
    JOIN ledger.sweeps AS s ON s.target_id = m.target_id AND s.ts = m.ts AND s.previous_ts IS NOT NULL
    WHERE m.ts > %(start)s AND m.ts <= %(finish)s AND s.ts > %(start)s AND s.ts <= %(finish)s
        AND m.quality IN ('exact', 'gap')
)
SELECT
    100 * sum(m.cpu_user_seconds + m.cpu_system_seconds) / nullif(sum(m.cpu_seconds), 0) AS cpu_percent,
    100 * sum(m.cpu_iowait_seconds) / nullif(sum(m.cpu_seconds), 0) AS cpu_iowait_percent,
    100 * sum(m.cpu_steal_seconds) / nullif(sum(m.cpu_seconds), 0) AS cpu_steal_percent,
    max(m.load_5) AS highest_load_5,
    100 * (pg_catalog.array_agg(1 - m.memory_available_bytes::double precision / m.memory_total_bytes ORDER BY m.ts DESC))[1]
        AS memory_used_percent,
    (pg_catalog.array_agg(m.swap_used_bytes ORDER BY m.ts DESC))[1] AS swap_used_bytes,
    sum(m.disk_read_bytes) / nullif(sum(m.seconds) FILTER (WHERE m.disk_read_bytes IS NOT NULL), 0) AS disk_read_bytes_per_s,
    sum(m.disk_write_bytes) / nullif(sum(m.seconds) FILTER (WHERE m.disk_write_bytes IS NOT NULL), 0) AS disk_write_bytes_per_s,
    (pg_catalog.array_agg(m.disk_free_bytes ORDER BY m.ts DESC))[1] AS disk_free_bytes,
    100 * (pg_catalog.array_agg(m.disk_free_bytes::double precision / m.disk_total_bytes ORDER BY m.ts DESC))[1]
        AS disk_free_percent
FROM machine AS m
