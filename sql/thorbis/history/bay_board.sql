-- purpose: what stands in the bays now
-- minimum version: 14
-- mean ms: 2.1
-- calls per hour: 640
-- rows per call: 7
-- noise: 0.09
-- behaviour: seasonal
SELECT assigned_bay_id, vehicle_id, scheduled_start, scheduled_end
FROM auto.repair_orders
WHERE business_id = $1 AND status = $2
ORDER BY assigned_bay_id
