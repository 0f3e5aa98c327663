-- purpose: the kitchen moves an open order on, and notes how long it took (B-33)
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, active_order, cooking_status, random_prep_time
UPDATE rest.orders AS o
SET
    status = CASE o.status WHEN 'placed' THEN 'preparing' WHEN 'preparing' THEN 'served' ELSE 'completed' END::rest.order_status,
    completed_at = CASE WHEN o.status = 'served' THEN now() END,
    actual_prep_minutes = CASE WHEN o.status = 'preparing' THEN :random_prep_time ELSE o.actual_prep_minutes END
WHERE o.business_id = :random_tenant
    AND o.id = (
        SELECT id
        FROM rest.orders
        WHERE business_id = :random_tenant AND status NOT IN ('completed', 'cancelled')
        ORDER BY status, order_time
        OFFSET :active_order
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    );
