-- purpose: a technicians jobs of the coming days
-- minimum version: 14
-- mean ms: 1.1
-- calls per hour: 2800
-- rows per call: 9
-- noise: 0.06
-- behaviour: seasonal
SELECT id, title, status, scheduled_date, priority_level
FROM hs.work_orders
WHERE business_id = $1 AND assigned_technician_id = $2 AND status IN ($3, $4)
    AND scheduled_date BETWEEN CURRENT_DATE AND CURRENT_DATE + $5::integer
ORDER BY scheduled_date
