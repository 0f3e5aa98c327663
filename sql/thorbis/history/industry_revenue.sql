-- purpose: revenue per month and status
-- minimum version: 14
-- mean ms: 85.0
-- calls per hour: 42
-- rows per call: 36
-- noise: 0.1
-- behaviour: steady
SELECT date_trunc($1, issued_at), status, sum(total_amount)
FROM hs.invoices
WHERE business_id = $2
GROUP BY 1, 2
ORDER BY 1, 2
