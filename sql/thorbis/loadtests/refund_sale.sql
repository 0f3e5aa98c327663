-- purpose: a recent sale is taken back
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, completed_order
UPDATE ret.transactions AS t
SET payment_status = 'refunded'
WHERE t.id = (
    SELECT id
    FROM ret.transactions
    WHERE business_id = :random_tenant AND payment_status = 'completed'
        AND transaction_date > now() - interval '30 days'
    ORDER BY transaction_date DESC
    OFFSET :completed_order
    LIMIT 1
    FOR UPDATE SKIP LOCKED
);
