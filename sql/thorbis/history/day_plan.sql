-- purpose: the blocks that fill a technicians day
-- minimum version: 14
-- mean ms: 1.8
-- calls per hour: 1300
-- rows per call: 6
-- noise: 0.06
-- behaviour: steady
SELECT b.start_time, b.end_time, b.work_order_id
FROM hs.schedule_blocks AS b
WHERE b.technician_id = $1 AND b.block_date = $2
ORDER BY b.start_time
