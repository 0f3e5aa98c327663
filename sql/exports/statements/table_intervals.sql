-- purpose: what was read from and written to each table in each interval of a target since a moment
-- minimum version: 14
SELECT
    t.ts,
    t.schema_name AS schema,
    t.table_name AS table,
    sum(t.seq_scan)::double precision AS seq_scan,
    sum(t.seq_tup_read)::double precision AS seq_tup_read,
    sum(t.idx_scan)::double precision AS idx_scan,
    sum(t.idx_tup_fetch)::double precision AS idx_tup_fetch,
    sum(t.n_tup_ins)::double precision AS n_tup_ins,
    sum(t.n_tup_upd)::double precision AS n_tup_upd,
    sum(t.n_tup_del)::double precision AS n_tup_del
FROM ledger.tables AS t
JOIN ledger.sweeps AS w USING (target_id, ts)
WHERE t.target_id = %(target_id)s AND t.ts > %(after)s AND t.ts < %(until)s
    AND w.ts > %(after)s AND w.ts < %(until)s AND w.source = 'collected'
GROUP BY t.ts, t.schema_name, t.table_name
ORDER BY t.ts
