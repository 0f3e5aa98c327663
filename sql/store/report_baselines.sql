-- purpose: what was normal for some statements on the eve of a day, in all tiers
-- minimum version: 14
SELECT n.day, n.queryid, n.userid, n.dbid, n.toplevel, n.tier, n.slot, n.low, n.high
FROM perf_mgmt.statement_levels(%(target_id)s, %(day)s::date, %(day)s::date) AS n
WHERE n.queryid = ANY (%(queryids)s::bigint []) AND n.metric = 'mean_exec_time'
ORDER BY n.queryid, n.userid, n.dbid, n.toplevel, n.tier, n.slot
