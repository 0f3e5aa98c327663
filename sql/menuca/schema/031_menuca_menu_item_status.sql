-- purpose: type menuca.menu_item_status: whether an item can be ordered
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE menuca.menu_item_status AS ENUM ('available', 'sold_out', 'hidden');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
