-- purpose: the changes told on some days, each as it was last told, with the day it was first told
-- minimum version: 14
SELECT DISTINCT ON (f.finding_id)
    f.finding_id, f.incident_id, f.is_new, f.severity, f.policy,
    f.userid, f.dbid, f.queryid, f.toplevel, f.metric, f.grain, f.onset, f.direction,
    f.old_level, f.new_level,
    f.relative_change, f.relative_change_low, f.relative_change_high, f.p_value, f.q_value,
    f.baseline_level, f.baseline_tier, f.calls_per_day, f.added_ms_per_day, f.causes, f.evidence,
    min(f.day) OVER (PARTITION BY f.finding_id) AS first_told, f.day AS last_told,
    left(q.query, 4000) AS query, coalesce(length(q.query), 0) AS query_length
FROM perf_mgmt.findings AS f
LEFT JOIN ledger.statement_texts AS t USING (target_id, dbid, userid, queryid)
LEFT JOIN ledger.query_texts AS q USING (text_hash)
WHERE f.target_id = %(target_id)s AND f.day BETWEEN %(first)s::date AND %(last)s::date
ORDER BY f.finding_id, f.day DESC
