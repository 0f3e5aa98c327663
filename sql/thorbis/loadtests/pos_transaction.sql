-- purpose: a completed order is paid at the till, as a sale of its total (B-34)
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, completed_order, random_payment, order_total
INSERT INTO rest.pos_transactions (business_id, order_id, kind, payment_method, amount)
SELECT o.business_id, o.id, 'sale', (ARRAY['card', 'cash', 'voucher'])[:random_payment], o.total_amount
FROM rest.orders AS o
WHERE o.business_id = :random_tenant AND o.status = 'completed'
ORDER BY o.order_time DESC
OFFSET :completed_order
LIMIT 1;
