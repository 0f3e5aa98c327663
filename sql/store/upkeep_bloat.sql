-- purpose: the newest of what is known of the bloat of each index of a target
-- minimum version: 14
-- hot only: measured once a day; an older measurement is no ground to act on
SELECT DISTINCT ON (b.relid)
    b.relid, b.relation_name, b.method, b.total_bytes, b.wasted_bytes, b.ts
FROM ledger.bloat AS b
WHERE b.target_id = %(target_id)s AND b.ts >= %(since)s AND b.kind = 'index'
ORDER BY b.relid, b.ts DESC
