-- purpose: what a restaurant owes and was not invoiced yet (M-08)
-- minimum version: 14
-- weight: 3
\set restaurant random(1, :restaurants)
\set tenant case when :restaurant <= :tenants then :restaurant else ((:restaurant - :tenants - 1) / 2 + 1) * 10 end
SELECT c.id, c.commission_day, c.amount
FROM menuca.commissions AS c
JOIN menuca.restaurants AS r ON r.id = c.restaurant_id
WHERE r.tenant_id = :tenant AND c.restaurant_id = :restaurant AND c.status = 'calculated'
ORDER BY c.calculated_at DESC
LIMIT 30;
