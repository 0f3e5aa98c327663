-- purpose: when statements were swept last within a period; NULL: they were not
-- minimum version: 14
-- hot only: the hours up to now, a day or two at most
SELECT max(s.ts) AS ts
FROM ledger.sweeps AS s
WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
