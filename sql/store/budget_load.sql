-- purpose: a target's account, and how long ago it was charged
-- minimum version: 14
SELECT
    now.at,
    b.balance_ms,
    EXTRACT(epoch FROM now.at - b.charged_at)::double precision AS elapsed_s,
    b.spacing_s
FROM (SELECT pg_catalog.clock_timestamp() AS at) AS now
LEFT JOIN ledger.budgets AS b ON b.target_id = %(target_id)s
