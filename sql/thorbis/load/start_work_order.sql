-- purpose: a technician starts the tenant's next job; priorities as they come in, so the mix stays
-- minimum version: 14
-- weight: 4
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
\set technician :k * :technicians_per_business + random(1, :technicians_per_business)
\set u random(1, 20)
\set rank case when :u <= 4 then 1 when :u <= 15 then 2 when :u <= 19 then 3 else 4 end
UPDATE hs.work_orders
SET status = 'in_progress', assigned_technician_id = :technician, scheduled_date = CURRENT_DATE
WHERE business_id = :business
  AND id = (
      SELECT id
      FROM hs.work_orders
      WHERE business_id = :business
        AND status = 'pending'
        AND priority_level = (enum_range(NULL::hs.priority_level))[:rank]
        AND scheduled_date >= CURRENT_DATE
      ORDER BY scheduled_date
      LIMIT 1
      FOR UPDATE SKIP LOCKED
  );
