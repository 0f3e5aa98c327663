-- purpose: sessions of each application over the sweeps of a span: the most at once, and those at work at once
-- minimum version: 14
-- hot only: at most two weeks, which the store always has
WITH instants AS (
    SELECT count(*) AS sweeps FROM ledger.sweeps
    WHERE target_id = %(target_id)s AND ts > %(start)s AND ts <= %(finish)s
),
each AS (
    SELECT c.ts, c.application_name,
        sum(c.sessions) AS sessions,
        sum(c.sessions) FILTER (WHERE c.state IN ('active', 'fastpath function call')) AS active,
        sum(c.sessions) FILTER (WHERE c.state LIKE 'idle in transaction%%') AS in_transaction
    FROM ledger.connections AS c
    WHERE c.target_id = %(target_id)s AND c.ts > %(start)s AND c.ts <= %(finish)s
    GROUP BY c.ts, c.application_name
)
SELECT e.application_name, i.sweeps, count(*) AS seen,
    max(e.sessions)::bigint AS most_sessions,
    max(coalesce(e.active, 0) + coalesce(e.in_transaction, 0))::bigint AS most_busy,
    percentile_cont(0.95) WITHIN GROUP (
        ORDER BY (coalesce(e.active, 0) + coalesce(e.in_transaction, 0))::float8
    ) AS p95_busy,
    sum(coalesce(e.active, 0) + coalesce(e.in_transaction, 0))::float8 / nullif(i.sweeps, 0) AS mean_busy
FROM each AS e CROSS JOIN instants AS i
GROUP BY e.application_name, i.sweeps
ORDER BY most_busy DESC, e.application_name
