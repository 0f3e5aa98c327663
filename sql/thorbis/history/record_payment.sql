-- purpose: a payment is written down
-- minimum version: 14
-- mean ms: 0.5
-- calls per hour: 520
-- rows per call: 1
-- noise: 0.1
-- behaviour: steady
INSERT INTO hs.payments (business_id, invoice_id, amount, payment_method, payment_date)
VALUES ($1, $2, $3, $4, CURRENT_DATE)
