-- purpose: index idx_auto_vehicles_customer_active: a customer's vehicles (T-13)
-- minimum version: 14
-- transaction: none
-- index: auto.idx_auto_vehicles_customer_active
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_auto_vehicles_customer_active
    ON auto.vehicles (customer_id, is_active, make, model, model_year)
    WHERE is_active;
