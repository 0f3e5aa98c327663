-- purpose: the accounts of several targets
-- minimum version: 14
SELECT
    t.name,
    b.balance_ms,
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() - b.charged_at)::double precision AS elapsed_s
FROM ledger.targets AS t
JOIN ledger.budgets AS b USING (target_id)
WHERE t.name = ANY(%(names)s)
