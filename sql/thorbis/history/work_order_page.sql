-- purpose: the next page of work orders, newest first
-- minimum version: 14
-- mean ms: 0.9
-- calls per hour: 3600
-- rows per call: 25
-- noise: 0.05
-- behaviour: steady
SELECT id, title, status, total_amount, created_at
FROM hs.work_orders
WHERE business_id = $1 AND (created_at, id) < ($2, $3)
ORDER BY created_at DESC, id DESC
LIMIT $4
