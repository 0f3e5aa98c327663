-- purpose: tables more than some percent of whose rows were dead when they last changed in a window; samples are tables
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    CASE WHEN n.tables > 0 THEN n.bad END AS value, n.tables AS samples, NULL AS cause,
    coalesce(n.worst, '') AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
CROSS JOIN LATERAL (
    SELECT count(*) AS tables,
        count(*) FILTER (WHERE l.is_bad) AS bad,
        (array_agg(l.name ORDER BY l.n_dead_tup DESC) FILTER (WHERE l.is_bad))[1] AS worst
    FROM (
        SELECT DISTINCT ON (t.relid)
            t.schema_name || '.' || t.table_name AS name, t.n_dead_tup,
            t.n_dead_tup >= %(dead_rows)s
            AND 100.0 * t.n_dead_tup > %(dead_percent)s * (t.n_live_tup + t.n_dead_tup) AS is_bad
        FROM ledger.tables AS t
        WHERE t.target_id = %(target_id)s AND t.ts > w.start AND t.ts <= w.as_of
        ORDER BY t.relid, t.ts DESC
    ) AS l
) AS n
