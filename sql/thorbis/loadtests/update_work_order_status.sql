-- purpose: a technician moves an open job on to its next status (B-31)
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, existing_work_order, progressive_status
UPDATE hs.work_orders AS w
SET
    status = CASE w.status
        WHEN 'quoted' THEN 'pending'
        WHEN 'pending' THEN 'scheduled'
        WHEN 'scheduled' THEN 'in_progress'
        ELSE 'completed'
    END::hs.work_order_status,
    scheduled_date = COALESCE(w.scheduled_date, CURRENT_DATE),
    completed_at = CASE WHEN w.status = 'in_progress' THEN now() END
WHERE w.business_id = :random_tenant
    AND w.id = (
        SELECT id
        FROM hs.work_orders
        WHERE business_id = :random_tenant
            AND status NOT IN ('completed', 'cancelled')
            AND created_at <= now() - :existing_work_order * interval '1 day'
        ORDER BY created_at DESC
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    );
