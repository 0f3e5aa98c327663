-- purpose: a customer orders a service (B-29)
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, random_customer, random_service, weighted_priority, generated_description, current_date
INSERT INTO hs.work_orders
    (business_id, customer_id, title, description, status, priority_level, scheduled_date, total_amount)
VALUES (
    :random_tenant,
    :random_customer,
    (ARRAY[
        'Boiler service', 'Leak repair', 'Drain cleaning', 'Rewiring', 'Heat pump check', 'Water heater',
        'Thermostat', 'Inspection'
    ])[:random_service],
    'Reported by phone, note ' || :generated_description::text,
    'pending',
    (enum_range(NULL::hs.priority_level))[:weighted_priority],
    CURRENT_DATE + :random_service::integer,
    100 + :generated_description::bigint % 2000
);
