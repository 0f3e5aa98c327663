-- purpose: per day and source of a target, from rollups: how many hours have exact calls
-- minimum version: 14
SELECT day, source::text AS source, pg_catalog.bit_count(pg_catalog.bit_or(hours)::bit(32)) AS hours
FROM ledger.statements_daily
WHERE target_id = %(target_id)s
    AND day >= (%(start)s::timestamp)::date AND day < (%(end)s::timestamp)::date
GROUP BY day, source
ORDER BY 1, 2
