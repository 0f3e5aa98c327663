-- purpose: how busy a target and its machine were in each interval; NULL: not told by this server, or the machine is another's
-- minimum version: 14
-- What is a whole server's is kept by one of its targets: the rows that ended within the interval.
CREATE VIEW monitoring.system_metrics AS
SELECT
    g.name AS target,
    s.ts AS recorded_at,
    s.quality::text AS quality,
    h.cpu_percent,
    h.memory_percent,
    h.disk_read_mb,
    h.disk_write_mb,
    a.active_connections,
    a.waiting_connections,
    d.cache_hit_ratio,
    c.checkpoints,
    c.checkpoints * 3600 / nullif(extract(epoch FROM s.ts - s.previous_ts)::double precision, 0) AS checkpoints_per_hour
FROM ledger.sweeps AS s
JOIN ledger.targets AS g USING (target_id)
CROSS JOIN LATERAL (
    SELECT
        100 * sum(m.cpu_user_seconds + m.cpu_system_seconds + coalesce(m.cpu_steal_seconds, 0))
        / nullif(sum(
            m.cpu_user_seconds + m.cpu_system_seconds + coalesce(m.cpu_steal_seconds, 0)
            + m.cpu_idle_seconds + coalesce(m.cpu_iowait_seconds, 0)
        ), 0) AS cpu_percent,
        (array_agg(
            100 * (1 - m.memory_available_bytes::double precision / nullif(m.memory_total_bytes, 0))
            ORDER BY m.ts DESC
        ))[1] AS memory_percent,
        sum(m.disk_read_bytes)::double precision / 1000000 AS disk_read_mb,
        sum(m.disk_write_bytes)::double precision / 1000000 AS disk_write_mb
    FROM ledger.host AS m
    WHERE m.target_id = s.server_target_id AND m.ts > s.previous_ts AND m.ts <= s.ts
) AS h
CROSS JOIN LATERAL (
    -- a session whose state is hidden from our role makes the number unknown, not smaller
    SELECT
        CASE WHEN n.told THEN n.active END AS active_connections,
        CASE WHEN n.told THEN n.waiting END AS waiting_connections
    FROM (
        SELECT
            count(*) > 0 AND bool_and(w.backend_type <> '') AS told,
            coalesce(sum(w.sessions) FILTER (
                WHERE w.backend_type = 'client backend' AND w.state IN ('active', 'fastpath function call')
            ), 0)::bigint AS active,
            coalesce(sum(w.sessions) FILTER (
                WHERE w.backend_type = 'client backend' AND w.state = 'active' AND w.wait_event_type = 'Lock'
            ), 0)::bigint AS waiting
        FROM ledger.activity AS w
        WHERE w.target_id = s.target_id AND w.ts = s.ts
    ) AS n
) AS a
LEFT JOIN LATERAL (
    SELECT
        round(b.blks_hit::numeric / nullif(b.blks_hit + b.blks_read, 0), 4) AS cache_hit_ratio
    FROM ledger.database AS b
    WHERE b.target_id = s.target_id AND b.ts = s.ts
) AS d ON true
CROSS JOIN LATERAL (
    SELECT sum(coalesce(k.checkpoints_done, k.checkpoints_timed + k.checkpoints_requested))::bigint AS checkpoints
    FROM ledger.checkpointer AS k
    WHERE k.target_id = s.server_target_id AND k.ts > s.previous_ts AND k.ts <= s.ts
) AS c;
