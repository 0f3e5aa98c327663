-- purpose: baseline levels of the given statements on a span of days
-- minimum version: 14
SELECT day, userid, dbid, queryid, toplevel, tier, slot, center
FROM perf_mgmt.statement_baselines
WHERE target_id = %(target_id)s AND day BETWEEN %(first)s AND %(last)s AND metric = %(metric)s
    AND queryid = ANY (%(queryids)s::bigint[])
ORDER BY day, queryid, userid, dbid, toplevel, tier, slot
