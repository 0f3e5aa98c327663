-- purpose: charge a sweep to its target's account
-- minimum version: 14
INSERT INTO ledger.budgets (target_id, balance_ms, share, spacing_s, charged_at)
VALUES (%(target_id)s, %(balance_ms)s, %(share)s, %(spacing_s)s, %(charged_at)s)
ON CONFLICT (target_id) DO UPDATE SET
    balance_ms = excluded.balance_ms, share = excluded.share, spacing_s = excluded.spacing_s,
    charged_at = excluded.charged_at
