-- purpose: column rest.orders.actual_prep_minutes: how long the kitchen took
-- minimum version: 14
ALTER TABLE rest.orders
    ADD COLUMN IF NOT EXISTS actual_prep_minutes smallint
    CONSTRAINT orders_actual_prep_minutes_check CHECK (actual_prep_minutes > 0);
