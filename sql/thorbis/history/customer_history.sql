-- purpose: the latest jobs done for a customer
-- minimum version: 14
-- mean ms: 1.4
-- calls per hour: 3400
-- rows per call: 12
-- noise: 0.07
-- behaviour: steady
SELECT id, title, status, scheduled_date, total_amount, created_at
FROM hs.work_orders
WHERE business_id = $1 AND customer_id = $2
ORDER BY created_at DESC
LIMIT $3
