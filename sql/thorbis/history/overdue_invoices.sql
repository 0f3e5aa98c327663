-- purpose: overdue bills: how many, how much, since when
-- minimum version: 14
-- mean ms: 6.5
-- calls per hour: 1500
-- rows per call: 1
-- noise: 0.07
-- behaviour: steady
SELECT count(*), sum(total_amount), min(due_date)
FROM hs.invoices
WHERE business_id = $1 AND status = $2 AND due_date < CURRENT_DATE
