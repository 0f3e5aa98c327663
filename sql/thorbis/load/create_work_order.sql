-- purpose: a customer orders a job; priorities as in the generated data (20, 55, 20, 5 per cent)
-- minimum version: 14
-- weight: 4
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
\set customer :k * :customers_per_business + random(1, :customers_per_business)
\set u random(1, 20)
\set rank case when :u <= 4 then 1 when :u <= 15 then 2 when :u <= 19 then 3 else 4 end
\set amount random(100, 2100)
\set days random(1, 30)
INSERT INTO hs.work_orders
    (business_id, customer_id, title, status, priority_level, scheduled_date, total_amount)
VALUES (
    :business,
    :customer,
    'Boiler service',
    'pending',
    (enum_range(NULL::hs.priority_level))[:rank],
    CURRENT_DATE + :days::integer,
    :amount
);
