-- purpose: the tenant's overdue bills: how many, how much, since when
-- minimum version: 14
-- weight: 8
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
SELECT count(*), sum(total_amount), min(due_date)
FROM hs.invoices
WHERE business_id = :business AND status = 'overdue';
