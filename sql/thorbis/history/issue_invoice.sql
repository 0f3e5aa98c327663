-- purpose: the bill of a finished job goes out
-- minimum version: 14
-- mean ms: 1.2
-- calls per hour: 700
-- rows per call: 1
-- noise: 0.08
-- behaviour: steady
INSERT INTO hs.invoices (business_id, work_order_id, customer_id, total_amount, due_date)
SELECT business_id, id, customer_id, total_amount, CURRENT_DATE + $1::integer
FROM hs.work_orders
WHERE business_id = $2 AND id = $3
