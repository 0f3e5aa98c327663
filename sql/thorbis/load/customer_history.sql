-- purpose: a customer calls: the latest jobs done for that customer
-- minimum version: 14
-- weight: 18
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
\set customer :k * :customers_per_business + random(1, :customers_per_business)
SELECT id, title, status, scheduled_date, total_amount, created_at
FROM hs.work_orders
WHERE business_id = :business AND customer_id = :customer
ORDER BY created_at DESC
LIMIT 20;
