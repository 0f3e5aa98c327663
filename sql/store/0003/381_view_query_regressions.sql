-- purpose: statements whose last 7 days are more than a tenth slower than 30 to 14 days before, as of each day (a sample is one day's mean over exact intervals); `confirmed` where a finding proves it
-- minimum version: 14
CREATE VIEW perf_mgmt.query_regressions AS
SELECT
    w.target_id, w.as_of, w.userid, w.dbid, w.queryid, w.toplevel,
    coalesce(c.category, 'general') AS category,
    w.recent_samples, w.baseline_samples, w.recent_ms, w.baseline_ms,
    100 * (w.recent_ms / w.baseline_ms - 1) AS change_percent,
    CASE
        WHEN w.recent_ms > 2.0 * w.baseline_ms THEN 'CRITICAL'
        WHEN w.recent_ms > 1.5 * w.baseline_ms THEN 'HIGH'
        WHEN w.recent_ms > 1.2 * w.baseline_ms THEN 'MEDIUM'
        ELSE 'LOW'
    END::perf_mgmt.alert_severity_enum AS severity,
    f.finding_id IS NOT NULL AS confirmed,
    f.finding_id, f.onset, f.p_value,
    CASE
        WHEN f.finding_id IS NOT NULL THEN 'see what changed at its onset'
        WHEN w.recent_ms > 1.5 * w.baseline_ms THEN 'look at its plan; no single change of level explains it'
        ELSE 'watch it: within what this statement varies by, or too few calls to tell'
    END AS action
FROM (
    SELECT
        a.target_id, a.as_of,
        d.userid::bigint AS userid, d.dbid::bigint AS dbid, d.queryid, d.toplevel,
        count(*) FILTER (WHERE d.day > a.as_of - 7) AS recent_samples,
        count(*) FILTER (WHERE d.day <= a.as_of - 14) AS baseline_samples,
        sum(d.exact_exec_time) FILTER (WHERE d.day > a.as_of - 7)
        / sum(d.exact_calls) FILTER (WHERE d.day > a.as_of - 7) AS recent_ms,
        sum(d.exact_exec_time) FILTER (WHERE d.day <= a.as_of - 14)
        / sum(d.exact_calls) FILTER (WHERE d.day <= a.as_of - 14) AS baseline_ms
    FROM (
        SELECT DISTINCT target_id, day AS as_of, source = 'generated' AS made_up
        FROM ledger.statements_daily
    ) AS a
    JOIN ledger.statements_daily AS d
        ON d.target_id = a.target_id AND d.day BETWEEN a.as_of - 30 AND a.as_of
        AND (d.source = 'generated') = a.made_up
    WHERE d.exact_calls > 0
    GROUP BY a.target_id, a.as_of, d.userid, d.dbid, d.queryid, d.toplevel
) AS w
LEFT JOIN perf_mgmt.statement_categories AS c
    ON c.target_id = w.target_id AND c.dbid = w.dbid AND c.userid = w.userid AND c.queryid = w.queryid
LEFT JOIN LATERAL (
    SELECT f.finding_id, f.onset, f.p_value
    FROM perf_mgmt.findings AS f
    WHERE f.target_id = w.target_id AND f.day BETWEEN w.as_of - 14 AND w.as_of
        AND f.queryid = w.queryid AND f.userid = w.userid AND f.dbid = w.dbid
        AND f.toplevel = w.toplevel AND f.metric = 'mean_exec_time' AND f.direction = 'up'
    ORDER BY f.day DESC, f.relative_change DESC, f.finding_id
    LIMIT 1
) AS f ON true
WHERE w.recent_samples >= 5 AND w.baseline_samples >= 10 AND w.recent_ms > 1.1 * w.baseline_ms;
