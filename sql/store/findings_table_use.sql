-- purpose: rows read sequentially per interval of the given tables
-- minimum version: 14
SELECT ts, quote_ident(schema_name) || '.' || quote_ident(table_name), seq_tup_read
FROM ledger.tables
WHERE target_id = %(target_id)s AND ts >= %(start)s AND ts < %(end)s AND quality = 'exact'
    AND quote_ident(schema_name) || '.' || quote_ident(table_name) = ANY (%(relations)s::text[])
ORDER BY 2, ts
