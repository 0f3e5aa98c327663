-- purpose: table menuca.opening_hours: one row per restaurant, weekday and stretch of the day it is open
-- minimum version: 14
CREATE TABLE IF NOT EXISTS menuca.opening_hours (
    tenant_id bigint NOT NULL,
    restaurant_id bigint NOT NULL,
    weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),  -- ISO: 1 is Monday
    opens_at time NOT NULL,
    closes_at time NOT NULL,
    PRIMARY KEY (restaurant_id, weekday, opens_at),
    FOREIGN KEY (tenant_id, restaurant_id) REFERENCES menuca.restaurants (tenant_id, id),
    CHECK (closes_at > opens_at)
);
COMMENT ON TABLE menuca.opening_hours IS 'One row per restaurant, weekday and stretch of the day it is open, in its own time zone.';
