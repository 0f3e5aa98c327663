-- purpose: a bill is paid
-- minimum version: 14
-- mean ms: 0.7
-- calls per hour: 520
-- rows per call: 1
-- noise: 0.1
-- behaviour: steady
UPDATE hs.invoices SET status = $1, paid_at = now() WHERE business_id = $2 AND id = $3
