-- purpose: the tenant's smallest open bill is paid
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, random_payment, order_total, current_date
WITH settled AS (
    UPDATE hs.invoices
    SET status = 'paid', paid_at = now()
    WHERE business_id = :random_tenant
        AND id = (
            SELECT id
            FROM hs.invoices
            WHERE business_id = :random_tenant AND status = 'pending'
            ORDER BY total_amount
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
    RETURNING id, business_id, total_amount
)
INSERT INTO hs.payments (business_id, invoice_id, amount, payment_method, payment_date)
SELECT business_id, id, total_amount, (enum_range(NULL::hs.payment_method))[:random_payment], CURRENT_DATE
FROM settled
WHERE total_amount > 0;
