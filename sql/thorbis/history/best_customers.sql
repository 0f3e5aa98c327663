-- purpose: customers by what they spent
-- minimum version: 14
-- mean ms: 62.0
-- calls per hour: 55
-- rows per call: 20
-- noise: 0.11
-- behaviour: steady
SELECT c.full_name, sum(w.total_amount) AS spent
FROM hs.work_orders AS w
JOIN hs.customers AS c ON c.id = w.customer_id
WHERE w.business_id = $1
GROUP BY c.full_name
ORDER BY spent DESC
LIMIT $2
