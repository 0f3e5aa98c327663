-- purpose: a vehicle is taken in
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, random_customer, random_service
INSERT INTO auto.repair_orders
    (business_id, vehicle_id, assigned_bay_id, status, total_amount, scheduled_start, scheduled_end)
VALUES (
    :random_tenant, :random_customer, 1 + :random_service::integer % 6, 'scheduled', 80 * :random_service::integer,
    now() + :random_service::integer * interval '1 hour', now() + :random_service::integer * interval '2 hours'
);
