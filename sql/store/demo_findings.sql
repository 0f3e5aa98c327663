-- purpose: the regressions of a day that began since an instant, the worst first, with their texts
-- minimum version: 14
SELECT
    f.queryid,
    f.onset,
    f.old_level,
    f.new_level,
    f.relative_change,
    f.relative_change_low,
    f.relative_change_high,
    f.p_value,
    f.severity,
    f.causes,
    f.evidence ->> 'summary' AS made_of,
    coalesce(q.query, '(text not read yet)') AS query
FROM perf_mgmt.findings AS f
LEFT JOIN ledger.statement_texts AS t USING (target_id, dbid, userid, queryid)
LEFT JOIN ledger.query_texts AS q USING (text_hash)
WHERE f.target_id = %(target_id)s
    AND f.day = %(day)s
    AND f.onset >= %(since)s
    AND f.direction = 'up'
    AND f.severity IN ('critical', 'warning')
ORDER BY f.relative_change_low DESC, f.queryid
