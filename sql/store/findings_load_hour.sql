-- purpose: what some statements did in some hours; an hour is named by its end; joined, not looked up: an index of stretches of pages would be asked for each pair of hour and statement
-- minimum version: 14
SELECT h.queryid, h.hour + interval '1 hour' AS ts, sum(h.calls)::bigint AS calls, sum(h.total_exec_time) AS total_ms
FROM ledger.statements_hourly AS h
JOIN unnest(%(hours)s::timestamptz[]) AS wanted (hour) ON wanted.hour = h.hour
JOIN unnest(%(queryids)s::bigint[]) AS busy (queryid) ON busy.queryid = h.queryid
WHERE h.target_id = %(target_id)s AND h.source = ANY (%(sources)s::ledger.source[])
    AND h.toplevel AND h.exact
    AND h.hour >= (SELECT min(hour) FROM unnest(%(hours)s::timestamptz[]) AS first (hour))
    AND h.hour <= (SELECT max(hour) FROM unnest(%(hours)s::timestamptz[]) AS last (hour))
GROUP BY h.queryid, h.hour
ORDER BY h.hour, h.queryid
