-- purpose: every finding of a target once, as last seen, by what its rule is: likeliest cause and severity
-- minimum version: 14
SELECT DISTINCT ON (finding_id) finding_id, severity, causes -> 0 ->> 'kind' AS cause_kind
FROM perf_mgmt.findings
WHERE target_id = %(target_id)s
ORDER BY finding_id, day DESC
