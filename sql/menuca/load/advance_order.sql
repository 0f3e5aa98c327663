-- purpose: the tenant's oldest open order goes on; often enough that as many are delivered as placed
-- minimum version: 14
-- weight: 16
\set restaurant random(1, :restaurants)
\set tenant case when :restaurant <= :tenants then :restaurant else ((:restaurant - :tenants - 1) / 2 + 1) * 10 end
UPDATE menuca.orders
SET
    status = CASE status
        WHEN 'pending' THEN 'confirmed'::menuca.order_status
        WHEN 'confirmed' THEN 'preparing'
        ELSE 'delivered'
    END,
    delivered_at = CASE WHEN status = 'preparing' THEN greatest(now(), placed_at) END
WHERE tenant_id = :tenant
  AND id = (
      SELECT id
      FROM menuca.orders
      WHERE tenant_id = :tenant AND status IN ('pending', 'confirmed', 'preparing')
      ORDER BY placed_at
      LIMIT 1
      FOR UPDATE SKIP LOCKED
  );
