-- purpose: scans of each index over some days, and since when it is known
-- minimum version: 14
-- hot only: sweeps stay for 92 days, longer than a business cycle; before that it is only known later
SELECT i.schema_name || '.' || i.index_name AS name, sum(i.idx_scan)::bigint AS scans,
    (SELECT min(s.ts) FROM ledger.sweeps AS s WHERE s.target_id = %(target_id)s)::date AS swept_since
FROM ledger.indexes_daily AS i
WHERE i.target_id = %(target_id)s AND i.day BETWEEN %(first)s AND %(last)s AND i.source <> 'generated'
GROUP BY 1
