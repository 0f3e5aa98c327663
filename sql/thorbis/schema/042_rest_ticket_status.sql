-- purpose: type rest.ticket_status: life of a kitchen ticket, in order
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE rest.ticket_status AS ENUM ('pending', 'in_progress', 'done', 'cancelled');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
