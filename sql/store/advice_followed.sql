-- purpose: missing indexes that were advised and are there now: how often they are used, and their statements' time before and after
-- minimum version: 14
WITH gone AS (
    SELECT a.object_name, a.gone_since, a.content, a.first_given
    FROM perf_mgmt.advice AS a
    WHERE a.target_id = %(target_id)s AND a.kind = 'missing_index' AND a.gone_since IS NOT NULL AND a.outcome IS NULL
)
SELECT g.object_name, g.gone_since, (s.value ->> 'queryid')::bigint AS queryid,
    b.ms AS before_ms, b.calls AS before_calls, f.ms AS after_ms, f.calls AS after_calls, f.days AS after_days
FROM gone AS g
CROSS JOIN LATERAL jsonb_array_elements(g.content -> 'figures' -> 'statements') AS s (value)
LEFT JOIN LATERAL (
    SELECT sum(d.total_exec_time) / nullif(sum(d.calls), 0) AS ms, sum(d.calls)::bigint AS calls
    FROM ledger.statements_daily AS d
    WHERE d.target_id = %(target_id)s AND d.queryid = (s.value ->> 'queryid')::bigint
        AND d.day < g.gone_since AND d.day >= g.gone_since - 7
) AS b ON true
LEFT JOIN LATERAL (
    -- the day it was made is of both
    SELECT sum(d.total_exec_time) / nullif(sum(d.calls), 0) AS ms, sum(d.calls)::bigint AS calls,
        count(DISTINCT d.day) AS days
    FROM ledger.statements_daily AS d
    WHERE d.target_id = %(target_id)s AND d.queryid = (s.value ->> 'queryid')::bigint
        AND d.day > g.gone_since
) AS f ON true
ORDER BY g.object_name, queryid
