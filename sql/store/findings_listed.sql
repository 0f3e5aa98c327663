-- purpose: the findings of some days of a target as last seen, with the newest word on each; of the given ones only, or all
-- minimum version: 14
SELECT f.day, f.finding_id, f.incident_id, f.is_new, f.severity, f.policy, f.userid, f.dbid, f.queryid, f.toplevel,
    f.metric, f.direction, f.onset, f.old_level, f.new_level, f.relative_change, f.relative_change_low,
    f.relative_change_high, f.calls_per_day, f.added_ms_per_day, f.causes, f.evidence,
    f.causes -> 0 ->> 'kind' AS cause_kind,
    nullif(said.verdict, 'cleared') AS verdict,
    left(q.query, 20000) AS query
FROM (
    SELECT DISTINCT ON (finding_id) *
    FROM perf_mgmt.findings
    WHERE target_id = %(target_id)s
        AND day BETWEEN coalesce(%(first)s::date, '-infinity') AND coalesce(%(last)s::date, 'infinity')
        AND (%(findings)s::text[] IS NULL OR finding_id = ANY (%(findings)s::text[]))
    ORDER BY finding_id, day DESC
) AS f
LEFT JOIN LATERAL (
    SELECT b.verdict FROM perf_mgmt.feedback AS b
    WHERE b.target_id = f.target_id AND b.finding_id = f.finding_id
    ORDER BY b.feedback_id DESC LIMIT 1
) AS said ON true
LEFT JOIN ledger.statement_texts AS t USING (target_id, dbid, userid, queryid)
LEFT JOIN ledger.query_texts AS q USING (text_hash)
ORDER BY f.onset DESC, f.added_ms_per_day DESC, f.finding_id
