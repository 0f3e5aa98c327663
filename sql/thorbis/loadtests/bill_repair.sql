-- purpose: a vehicle in work is finished and billed
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, current_date, order_total
WITH finished AS (
    UPDATE auto.repair_orders AS o
    SET status = 'completed', completed_at = now()
    WHERE o.business_id = :random_tenant
        AND o.id = (
            SELECT id
            FROM auto.repair_orders
            WHERE business_id = :random_tenant AND status = 'in_progress'
            ORDER BY scheduled_start
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
    RETURNING o.business_id, o.id, o.total_amount
)
INSERT INTO auto.invoices (business_id, repair_order_id, total_amount, due_date)
SELECT business_id, id, total_amount, CURRENT_DATE + 14
FROM finished
ON CONFLICT (repair_order_id) DO NOTHING;
