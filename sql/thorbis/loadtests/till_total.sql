-- purpose: what a shop's tills have taken today
-- minimum version: 14
-- kind: read
-- parameters: random_tenant, current_date
SELECT register_id, count(*) AS sales, sum(total_amount) AS total
FROM ret.transactions
WHERE business_id = :random_tenant AND payment_status = 'completed' AND transaction_date >= CURRENT_DATE
GROUP BY register_id
ORDER BY register_id;
