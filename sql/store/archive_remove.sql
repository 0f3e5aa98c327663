-- purpose: forget a file that is superseded; none when it is read again since
-- minimum version: 14
DELETE FROM ledger.archive
WHERE path = %(path)s AND superseded_at IS NOT NULL
RETURNING path
