-- purpose: whether a vehicle is in the shop
-- minimum version: 14
-- mean ms: 0.6
-- calls per hour: 900
-- rows per call: 1
-- noise: 0.09
-- behaviour: steady
SELECT count(*) FROM auto.repair_orders WHERE vehicle_id = $1 AND status <> $2
