-- purpose: days of a target whose sweeps or statements lie in the archive, and the time they cover there
-- minimum version: 14
SELECT day, min(first_ts) AS first_ts, max(last_ts) AS last_ts FROM ledger.archive
WHERE target_id = %(target_id)s AND table_name IN ('sweeps', 'statements')
    AND day >= %(first)s::date AND day <= %(last)s::date AND superseded_at IS NULL
GROUP BY day
ORDER BY day
