-- purpose: a technician starts the tenant's most urgent open job
-- minimum version: 14
-- weight: 4
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
\set technician :k * :technicians_per_business + random(1, :technicians_per_business)
UPDATE hs.work_orders
SET status = 'in_progress', assigned_technician_id = :technician, scheduled_date = CURRENT_DATE
WHERE business_id = :business
  AND id = (
      SELECT id
      FROM hs.work_orders
      WHERE business_id = :business AND status = 'pending'
      ORDER BY priority_level DESC, scheduled_date DESC
      LIMIT 1
      FOR UPDATE SKIP LOCKED
  );
