-- purpose: days of a target whose sweeps or statements lie in the archive
-- minimum version: 14
SELECT DISTINCT day FROM ledger.archive
WHERE target_id = %(target_id)s AND table_name IN ('sweeps', 'statements')
    AND day >= %(first)s::date AND day <= %(last)s::date AND superseded_at IS NULL
ORDER BY day
