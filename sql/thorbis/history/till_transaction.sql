-- purpose: a till sells
-- minimum version: 14
-- mean ms: 0.4
-- calls per hour: 4100
-- rows per call: 1
-- noise: 0.06
-- behaviour: steady
INSERT INTO ret.transactions (business_id, register_id, payment_status, total_amount)
VALUES ($1, $2, $3, $4)
