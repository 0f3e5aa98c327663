-- purpose: columns rest.order_items.kitchen_station_id, status, preparation_time: who makes a dish, how far it is, its minutes (T-14)
-- minimum version: 14
ALTER TABLE rest.order_items
    ADD COLUMN IF NOT EXISTS kitchen_station_id bigint,
    ADD COLUMN IF NOT EXISTS status rest.item_status NOT NULL DEFAULT 'pending',
    ADD COLUMN IF NOT EXISTS preparation_time smallint
    CONSTRAINT order_items_preparation_time_check CHECK (preparation_time > 0);
DO $$
BEGIN
    ALTER TABLE rest.order_items
        ADD CONSTRAINT order_items_business_id_kitchen_station_id_fkey
        FOREIGN KEY (business_id, kitchen_station_id) REFERENCES rest.kitchen_stations (business_id, id);
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- ADD CONSTRAINT knows no IF NOT EXISTS
END
$$;
