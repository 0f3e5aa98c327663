-- purpose: a known guest comes in
-- minimum version: 14
-- kind: write
-- parameters: random_tenant, random_customer
UPDATE rest.customers
SET visits = visits + 1, last_visit = now()
WHERE business_id = :random_tenant AND id = :random_customer
RETURNING full_name, visits;
