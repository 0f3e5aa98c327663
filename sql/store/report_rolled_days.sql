-- purpose: which days of a target are rolled up, from what source, and how many statements ran
-- minimum version: 14
SELECT d.day, d.source::text AS source, count(*) AS statements
FROM ledger.statements_daily AS d
WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s::date AND %(last)s::date
GROUP BY d.day, d.source
ORDER BY d.day, d.source
