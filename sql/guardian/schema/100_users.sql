-- purpose: table auth.users: one row per user; each is a patient (G-107)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS auth.users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE CHECK (email <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE auth.users IS 'One row per user; each is a patient.';
