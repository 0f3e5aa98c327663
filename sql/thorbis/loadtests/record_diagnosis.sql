-- purpose: a fault code is read from a vehicle in the shop, which is then in work
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, active_order, weighted_priority, random_service
WITH chosen AS (
    UPDATE auto.repair_orders AS o
    SET status = 'in_progress'
    WHERE o.business_id = :random_tenant
        AND o.id = (
            SELECT id
            FROM auto.repair_orders
            WHERE business_id = :random_tenant AND status IN ('scheduled', 'in_progress')
            ORDER BY status, scheduled_start
            OFFSET :active_order
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
    RETURNING o.business_id, o.id
)
INSERT INTO auto.diagnostics (business_id, repair_order_id, fault_code, severity)
SELECT business_id, id, 'P0' || (300 + :random_service::integer)::text, :weighted_priority
FROM chosen;
