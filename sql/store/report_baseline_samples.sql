-- purpose: the samples that baselines rest on; one holds to the end of its week, so that those of a week before the first day are told as well
-- minimum version: 14
SELECT b.day, b.queryid, b.userid::bigint AS userid, b.dbid::bigint AS dbid, b.toplevel, b.samples::bigint AS baseline_samples
FROM perf_mgmt.statement_baselines AS b
WHERE b.target_id = %(target_id)s
    AND b.day BETWEEN %(first)s::date - 6 AND %(last)s::date
    AND b.metric = 'mean_exec_time' AND b.tier IN ('all', 'initial')
