-- purpose: the company's oldest open order goes on
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, cooking_status
UPDATE menuca.orders
SET
    status = CASE status
        WHEN 'pending' THEN 'confirmed'::menuca.order_status
        WHEN 'confirmed' THEN 'preparing'
        ELSE 'delivered'
    END,
    delivered_at = CASE WHEN status = 'preparing' THEN greatest(now(), placed_at) END
WHERE tenant_id = :random_tenant
  AND id = (
      SELECT id
      FROM menuca.orders
      WHERE tenant_id = :random_tenant AND status IN ('pending', 'confirmed', 'preparing')
      ORDER BY placed_at
      LIMIT 1
      FOR UPDATE SKIP LOCKED
  );
