-- purpose: what a dispatcher looks at: open jobs, most urgent first
-- minimum version: 14
-- mean ms: 3.2
-- calls per hour: 5200
-- rows per call: 38
-- noise: 0.06
-- behaviour: seasonal
SELECT w.id, w.title, w.priority_level, w.scheduled_date, w.total_amount, c.full_name, c.phone
FROM hs.work_orders AS w
JOIN hs.customers AS c ON c.business_id = w.business_id AND c.id = w.customer_id
WHERE w.business_id = $1 AND c.business_id = $2 AND w.status = $3 AND w.scheduled_date >= CURRENT_DATE
ORDER BY w.priority_level DESC, w.created_at
LIMIT $4
