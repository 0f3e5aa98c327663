-- purpose: rows written to each table a day, over some days
-- minimum version: 14
SELECT t.schema_name, t.table_name,
    sum(t.n_tup_ins)::float8 / %(days)s AS inserted, sum(t.n_tup_upd)::float8 / %(days)s AS updated,
    sum(t.n_tup_hot_upd)::float8 / %(days)s AS hot_updated, sum(t.n_tup_del)::float8 / %(days)s AS deleted
FROM ledger.tables_daily AS t
WHERE t.target_id = %(target_id)s AND t.day BETWEEN %(first)s AND %(last)s AND t.source <> 'generated'
GROUP BY t.schema_name, t.table_name
