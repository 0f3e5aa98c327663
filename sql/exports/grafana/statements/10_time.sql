-- purpose: statements by the time they took
-- minimum version: 14
-- panel: timeseries
-- unit: s
WITH top AS (
    SELECT r.queryid
    FROM ledger.targets AS t
    JOIN ledger.statements_hourly AS r USING (target_id)
    WHERE t.name = %(target)s AND r.hour > %(start)s::timestamptz - INTERVAL '1 hour' AND r.hour <= %(finish)s
        AND r.toplevel
    GROUP BY r.queryid
    ORDER BY sum(r.total_exec_time) DESC
    LIMIT 10
)
SELECT r.hour AS time, r.queryid::text AS metric, sum(r.total_exec_time) / 1000 AS value
FROM ledger.targets AS t
JOIN ledger.statements_hourly AS r USING (target_id)
JOIN top USING (queryid)
WHERE t.name = %(target)s AND r.hour > %(start)s::timestamptz - INTERVAL '1 hour' AND r.hour <= %(finish)s
    AND r.toplevel
GROUP BY r.hour, r.queryid
ORDER BY r.hour
