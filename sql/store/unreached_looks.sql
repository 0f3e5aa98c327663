-- purpose: every look at a target since an instant, in order: whether it was there, and since when its server ran
-- minimum version: 14
-- hot only: sweeps stay in the store for 70 days at least; the window has 30
SELECT s.ts, true AS there, s.postmaster_start
FROM ledger.sweeps AS s
WHERE s.target_id = %(target_id)s AND s.ts >= %(since)s AND s.source = 'collected'
UNION ALL
SELECT u.ts, false, NULL
FROM monitoring.unreached AS u
WHERE u.target = %(target)s AND u.ts >= %(since)s
ORDER BY ts
