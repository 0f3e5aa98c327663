-- purpose: the weeks or months of known targets that are over and whose report rests on days that have changed since
-- minimum version: 14
SELECT known.name AS target, r.day
FROM perf_mgmt.reports AS r
JOIN ledger.targets AS known USING (target_id)
CROSS JOIN LATERAL (SELECT (r.day + %(length)s::interval)::date AS next) AS period
WHERE known.name = ANY (%(names)s::text[]) AND r.kind = %(kind)s
    AND r.day >= %(since)s AND period.next <= %(today)s
    AND r.inputs IS DISTINCT FROM perf_mgmt.period_inputs(r.target_id, r.day, period.next - 1)
ORDER BY r.day, known.name
