-- purpose: number of each target, so that ledger rows carry four bytes instead of a name
-- minimum version: 14
CREATE TABLE ledger.targets (
    target_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
