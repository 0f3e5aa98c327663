-- purpose: a technician starts a job
-- minimum version: 14
-- mean ms: 0.8
-- calls per hour: 760
-- rows per call: 1
-- noise: 0.08
-- behaviour: steady
UPDATE hs.work_orders
SET status = $1, assigned_technician_id = $2, scheduled_date = CURRENT_DATE
WHERE business_id = $3 AND id = $4
