-- purpose: a customer orders a job
-- minimum version: 14
-- weight: 4
\set k random(0, :hs_businesses - 1)
\set business 1 + 4 * :k
\set customer :k * :customers_per_business + random(1, :customers_per_business)
\set amount random(100, 2100)
\set days random(1, 30)
INSERT INTO hs.work_orders
    (business_id, customer_id, title, status, priority_level, scheduled_date, total_amount)
VALUES
    (:business, :customer, 'Boiler service', 'pending', 'normal', CURRENT_DATE + :days::integer, :amount);
