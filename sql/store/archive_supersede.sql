-- purpose: no longer read the files of some days of a target; they are deleted later
-- minimum version: 14
UPDATE ledger.archive SET superseded_at = now()
WHERE target_id = %(target_id)s AND superseded_at IS NULL
    AND (%(table)s::text IS NULL OR table_name = %(table)s)
    AND day >= %(first)s AND day <= %(last)s
