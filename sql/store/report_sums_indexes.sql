-- purpose: how each index was used on some days, summed, and its pages when it was last seen to change
-- minimum version: 14
SELECT
    d.indexrelid::bigint AS indexrelid,
    (array_agg(d.schema_name || '.' || d.index_name ORDER BY d.day DESC))[1] AS name,
    CASE WHEN count(*) = count(d.idx_scan) THEN sum(d.idx_scan)::bigint END AS idx_scan,
    CASE WHEN count(*) = count(d.idx_tup_read) THEN sum(d.idx_tup_read)::bigint END AS idx_tup_read,
    (array_agg(d.relpages ORDER BY d.day DESC))[1] AS relpages
FROM ledger.indexes_daily AS d
WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s::date AND %(last)s::date
    AND d.source::text = ANY (%(sources)s::text [])
GROUP BY d.indexrelid
ORDER BY name, indexrelid
