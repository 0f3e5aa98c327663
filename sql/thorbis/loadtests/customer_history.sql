-- purpose: a customer calls: the latest jobs done for that customer
-- minimum version: 14
-- kind: read
-- parameters: random_tenant, random_customer
SELECT id, title, status, scheduled_date, total_amount, created_at
FROM hs.work_orders
WHERE business_id = :random_tenant AND customer_id = :random_customer
ORDER BY created_at DESC
LIMIT 20;
