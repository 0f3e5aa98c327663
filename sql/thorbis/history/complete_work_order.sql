-- purpose: a technician finishes a job
-- minimum version: 14
-- mean ms: 0.6
-- calls per hour: 740
-- rows per call: 1
-- noise: 0.09
-- behaviour: steady
UPDATE hs.work_orders SET status = $1, completed_at = now() WHERE business_id = $2 AND id = $3
