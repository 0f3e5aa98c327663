-- purpose: the tenant's open jobs from today on, most urgent first, then oldest (T-18)
-- minimum version: 14
-- parameters: business_id
SELECT
    w.id,
    w.title,
    w.priority_level,
    w.scheduled_date,
    w.total_amount,
    w.created_at,
    c.full_name,
    c.phone
FROM hs.work_orders AS w
JOIN hs.customers AS c ON c.business_id = w.business_id AND c.id = w.customer_id
WHERE w.business_id = %(business_id)s
  AND c.business_id = %(business_id)s
  AND w.status = 'pending'  -- a literal: with a parameter the partial index would not serve
  AND w.scheduled_date >= CURRENT_DATE
ORDER BY w.priority_level DESC, w.created_at, w.id
