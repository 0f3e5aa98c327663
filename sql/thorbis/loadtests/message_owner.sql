-- purpose: the owner of a vehicle in the shop is told how it stands
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, active_order, random_payment, generated_description
INSERT INTO auto.messages (business_id, repair_order_id, channel, body)
SELECT o.business_id, o.id, (ARRAY['text', 'email', 'call'])[:random_payment], 'Note ' || :generated_description::text
FROM auto.repair_orders AS o
WHERE o.business_id = :random_tenant AND o.status IN ('scheduled', 'in_progress')
ORDER BY o.status, o.scheduled_start
OFFSET :active_order
LIMIT 1;
