-- purpose: the visits of a vehicle, newest first
-- minimum version: 14
-- mean ms: 0.9
-- calls per hour: 1700
-- rows per call: 5
-- noise: 0.07
-- behaviour: steady
SELECT id, status, total_amount, created_at, completed_at
FROM auto.repair_orders
WHERE vehicle_id = $1
ORDER BY created_at DESC
LIMIT $2
