-- purpose: the next page of 25 of the tenant's work orders, newest first (T-19)
-- minimum version: 14
-- weight: 18
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
\set days random(0, 300)
SELECT id, title, status, total_amount, created_at
FROM hs.work_orders
WHERE business_id = :business
  AND (created_at, id) < (now() - :days * interval '1 day', 9223372036854775807)
ORDER BY created_at DESC, id DESC
LIMIT 25;
