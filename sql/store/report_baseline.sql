-- purpose: what was normal for one statement on the eve of a day, in all tiers
-- minimum version: 14
SELECT tier, slot, low, high
FROM perf_mgmt.statement_baselines
WHERE target_id = %(target_id)s AND day = %(day)s
    AND queryid = %(queryid)s AND userid = %(userid)s AND dbid = %(dbid)s
    AND toplevel = %(toplevel)s AND metric = %(metric)s
ORDER BY tier, slot
