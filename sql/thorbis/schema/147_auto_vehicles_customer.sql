-- purpose: columns auto.vehicles.customer_id, model, is_active: whose it is, what it is, whether it is still looked after (T-13)
-- minimum version: 14
ALTER TABLE auto.vehicles
    ADD COLUMN IF NOT EXISTS customer_id bigint,
    ADD COLUMN IF NOT EXISTS model text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS is_active boolean NOT NULL DEFAULT true;
DO $$
BEGIN
    ALTER TABLE auto.vehicles
        ADD CONSTRAINT vehicles_business_id_customer_id_fkey
        FOREIGN KEY (business_id, customer_id) REFERENCES auto.customers (business_id, id);
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- ADD CONSTRAINT knows no IF NOT EXISTS
END
$$;
