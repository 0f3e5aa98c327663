-- purpose: when statements were swept last within a period; NULL: they were not
-- minimum version: 14
-- hot only: a week at most, which the store always has
SELECT max(s.ts) AS ts
FROM ledger.sweeps AS s
WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
