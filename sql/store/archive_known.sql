-- purpose: the file that holds a day of a table of a target now, locked; none when it lies in the store alone
-- minimum version: 14
SELECT path, row_count, checksum
FROM ledger.archive
WHERE target_id = %(target_id)s AND table_name = %(table)s AND day = %(day)s AND superseded_at IS NULL
FOR UPDATE
