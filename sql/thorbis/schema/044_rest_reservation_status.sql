-- purpose: type rest.reservation_status: state of a reservation
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE rest.reservation_status AS ENUM ('booked', 'seated', 'completed', 'cancelled', 'no_show');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
