-- purpose: what a till took today
-- minimum version: 14
-- mean ms: 4.4
-- calls per hour: 310
-- rows per call: 4
-- noise: 0.12
-- behaviour: noisy
SELECT register_id, count(*), sum(total_amount)
FROM ret.transactions
WHERE business_id = $1 AND transaction_date >= CURRENT_DATE
GROUP BY register_id
