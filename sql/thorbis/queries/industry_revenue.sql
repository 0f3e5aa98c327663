-- purpose: the tenant's revenue, count and average per industry since a moment, largest first (T-20)
-- minimum version: 14
-- parameters: business_id, since
WITH sale AS (
    SELECT 'home_services' AS industry, total_amount
    FROM hs.invoices
    WHERE business_id = %(business_id)s AND status = 'paid' AND paid_at >= %(since)s
    UNION ALL
    SELECT 'automotive', total_amount
    FROM auto.invoices
    WHERE business_id = %(business_id)s AND status = 'paid' AND paid_at >= %(since)s
    UNION ALL
    SELECT 'restaurant', total_amount
    FROM rest.orders
    WHERE business_id = %(business_id)s AND status = 'completed' AND order_time >= %(since)s
    UNION ALL
    SELECT 'retail', total_amount
    FROM ret.transactions
    WHERE business_id = %(business_id)s
      AND payment_status = 'completed'
      AND transaction_date >= %(since)s
)
SELECT
    i.industry,
    coalesce(sum(s.total_amount), 0) AS revenue,
    count(s.total_amount) AS sales,
    coalesce(round(avg(s.total_amount), 2), 0) AS average
FROM (VALUES ('home_services'), ('automotive'), ('restaurant'), ('retail')) AS i (industry)
LEFT JOIN sale AS s ON s.industry = i.industry
GROUP BY i.industry
ORDER BY revenue DESC, i.industry
