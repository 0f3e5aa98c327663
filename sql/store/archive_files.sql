-- purpose: the files that hold days of a ledger table of a target
-- minimum version: 14
SELECT path, day, row_count, checksum, bytes
FROM ledger.archive
WHERE target_id = %(target_id)s AND table_name = %(table)s
    AND (%(first)s::date IS NULL OR day >= %(first)s::date)
    AND (%(last)s::date IS NULL OR day <= %(last)s::date)
    AND superseded_at IS NULL
ORDER BY day
