-- purpose: what each target has left of its budget, and the spacing of its sweeps (0: the usual one); times by the store's clock
-- minimum version: 14
CREATE TABLE ledger.budgets (
    target_id integer PRIMARY KEY REFERENCES ledger.targets,
    balance_ms double precision NOT NULL,
    share double precision NOT NULL,
    spacing_s double precision NOT NULL,
    charged_at timestamptz NOT NULL
)
