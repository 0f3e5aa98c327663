-- purpose: how much each statement's samples varied by its newest baseline of some days (deviation of the logarithm)
-- minimum version: 14
SELECT DISTINCT ON (b.userid, b.dbid, b.queryid, b.toplevel)
    b.userid, b.dbid, b.queryid, b.toplevel, b.spread
FROM perf_mgmt.statement_baselines AS b
JOIN unnest(%(days)s::date []) AS wanted (day)
    ON b.day BETWEEN wanted.day - extract(isodow FROM wanted.day)::integer + 1 AND wanted.day
WHERE b.target_id = %(target_id)s
    AND b.metric = 'mean_exec_time' AND b.tier IN ('all', 'initial')
ORDER BY b.userid, b.dbid, b.queryid, b.toplevel, b.day DESC, b.tier
