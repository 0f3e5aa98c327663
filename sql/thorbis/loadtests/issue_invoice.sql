-- purpose: the newest completed job without a bill is billed
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, current_date
INSERT INTO hs.invoices (business_id, work_order_id, customer_id, total_amount, due_date)
SELECT w.business_id, w.id, w.customer_id, w.total_amount, CURRENT_DATE + 30
FROM hs.work_orders AS w
WHERE w.business_id = :random_tenant
    AND w.status = 'completed'
    AND w.created_at > now() - interval '60 days'
    AND NOT EXISTS (SELECT FROM hs.invoices AS i WHERE i.work_order_id = w.id)
ORDER BY w.created_at DESC
LIMIT 1
ON CONFLICT (work_order_id) DO NOTHING;
