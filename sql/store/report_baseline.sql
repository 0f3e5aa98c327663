-- purpose: what was normal for one statement on the eve of a day, in all tiers
-- minimum version: 14
SELECT tier, slot, low, high
FROM perf_mgmt.statement_levels(%(target_id)s, %(day)s::date, %(day)s::date)
WHERE queryid = %(queryid)s AND userid = %(userid)s AND dbid = %(dbid)s
    AND toplevel = %(toplevel)s AND metric = %(metric)s
ORDER BY tier, slot
