-- purpose: a technician's jobs of the coming 30 days
-- minimum version: 14
-- weight: 14
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
\set technician :k * :technicians_per_business + random(1, :technicians_per_business)
SELECT id, title, status, scheduled_date, priority_level
FROM hs.work_orders
WHERE business_id = :business
  AND assigned_technician_id = :technician
  AND status IN ('scheduled', 'in_progress')
  AND scheduled_date BETWEEN CURRENT_DATE AND CURRENT_DATE + 30
ORDER BY scheduled_date;
