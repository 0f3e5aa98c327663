-- purpose: orders on the tables of a restaurant
-- minimum version: 14
-- mean ms: 0.8
-- calls per hour: 2200
-- rows per call: 11
-- noise: 0.08
-- behaviour: seasonal
SELECT id, table_id, total_amount, order_time
FROM rest.orders
WHERE business_id = $1 AND status = $2
ORDER BY order_time
