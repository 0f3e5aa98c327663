-- purpose: a technician finishes a job, and the bill goes out
-- minimum version: 14
-- weight: 4
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
WITH finished AS (
    UPDATE hs.work_orders
    SET status = 'completed', completed_at = now()
    WHERE business_id = :business
      AND id = (
          SELECT id
          FROM hs.work_orders
          WHERE business_id = :business AND status = 'in_progress'
          ORDER BY priority_level DESC, scheduled_date DESC
          LIMIT 1
          FOR UPDATE SKIP LOCKED
      )
    RETURNING id, business_id, customer_id, total_amount
)
INSERT INTO hs.invoices (business_id, work_order_id, customer_id, total_amount, due_date)
SELECT business_id, id, customer_id, total_amount, CURRENT_DATE + 30
FROM finished;
