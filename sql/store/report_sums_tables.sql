-- purpose: what each table did on some days, summed, and its pages when it was last seen to change
-- minimum version: 14
SELECT
    d.relid::bigint AS relid,
    (array_agg(d.schema_name || '.' || d.table_name ORDER BY d.day DESC))[1] AS name,
    CASE WHEN count(*) = count(d.seq_scan) THEN sum(d.seq_scan)::bigint END AS seq_scan,
    CASE WHEN count(*) = count(d.seq_tup_read) THEN sum(d.seq_tup_read)::bigint END AS seq_tup_read,
    CASE WHEN count(*) = count(d.idx_scan) THEN sum(d.idx_scan)::bigint END AS idx_scan,
    CASE WHEN count(*) = count(d.idx_tup_fetch) THEN sum(d.idx_tup_fetch)::bigint END AS idx_tup_fetch,
    CASE WHEN count(*) = count(d.n_tup_ins) THEN sum(d.n_tup_ins)::bigint END AS n_tup_ins,
    CASE WHEN count(*) = count(d.n_tup_upd) THEN sum(d.n_tup_upd)::bigint END AS n_tup_upd,
    CASE WHEN count(*) = count(d.n_tup_del) THEN sum(d.n_tup_del)::bigint END AS n_tup_del,
    (array_agg(d.relpages ORDER BY d.day DESC))[1] AS relpages
FROM ledger.tables_daily AS d
WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s::date AND %(last)s::date
    AND d.source::text = ANY (%(sources)s::text [])
GROUP BY d.relid
ORDER BY name, relid
