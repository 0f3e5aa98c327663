-- purpose: the tenant's smallest open bill is paid
-- minimum version: 14
-- weight: 4
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
WITH settled AS (
    UPDATE hs.invoices
    SET status = 'paid', paid_at = now()
    WHERE business_id = :business
      AND id = (
          SELECT id
          FROM hs.invoices
          WHERE business_id = :business AND status = 'pending'
          ORDER BY total_amount
          LIMIT 1
          FOR UPDATE SKIP LOCKED
      )
    RETURNING id, business_id, total_amount
)
INSERT INTO hs.payments (business_id, invoice_id, amount, payment_method, payment_date)
SELECT business_id, id, total_amount, 'card', CURRENT_DATE
FROM settled;
