-- purpose: what a dispatcher looks at: the tenant's open jobs, most urgent and oldest first (T-18)
-- minimum version: 14
-- weight: 26
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
SELECT w.id, w.title, w.priority_level, w.scheduled_date, w.total_amount, c.full_name, c.phone
FROM hs.work_orders AS w
JOIN hs.customers AS c ON c.business_id = w.business_id AND c.id = w.customer_id
WHERE w.business_id = :business
  AND c.business_id = :business
  AND w.status = 'pending'
  AND w.scheduled_date >= CURRENT_DATE
ORDER BY w.priority_level DESC, w.created_at
LIMIT 50;
