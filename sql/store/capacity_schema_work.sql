-- purpose: rows read and written, and pages, of each schema's tables over some days
-- minimum version: 14
SELECT t.schema_name,
    sum(coalesce(t.seq_tup_read, 0) + coalesce(t.idx_tup_fetch, 0))::float8 AS rows_read,
    sum(coalesce(t.n_tup_ins, 0) + coalesce(t.n_tup_upd, 0) + coalesce(t.n_tup_del, 0))::float8 AS rows_written
FROM ledger.tables_daily AS t
WHERE t.target_id = %(target_id)s AND t.day BETWEEN %(first)s AND %(last)s AND t.source <> 'generated'
GROUP BY t.schema_name
ORDER BY t.schema_name
