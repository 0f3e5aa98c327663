-- purpose: note that a file was read again and holds what was written
-- minimum version: 14
UPDATE ledger.archive SET verified_at = now() WHERE path = %(path)s
