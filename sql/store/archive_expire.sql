-- purpose: no longer read files of days before a day, for no target
-- minimum version: 14
UPDATE ledger.archive SET superseded_at = now()
WHERE day < %(before)s AND superseded_at IS NULL
RETURNING path
