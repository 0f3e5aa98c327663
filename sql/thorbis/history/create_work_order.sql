-- purpose: a customer orders a job
-- minimum version: 14
-- mean ms: 0.7
-- calls per hour: 800
-- rows per call: 1
-- noise: 0.08
-- behaviour: steady
INSERT INTO hs.work_orders (business_id, customer_id, title, status, priority_level, scheduled_date, total_amount)
VALUES ($1, $2, $3, $4, $5, CURRENT_DATE + $6::integer, $7)
