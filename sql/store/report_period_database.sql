-- purpose: what the whole database did on each of some days, and its size at the end of each
-- minimum version: 14
SELECT
    (h.hour AT TIME ZONE 'UTC')::date AS day,
    CASE WHEN count(*) = count(h.xact_commit) THEN sum(h.xact_commit)::bigint END AS commits,
    CASE WHEN count(*) = count(h.deadlocks) THEN sum(h.deadlocks)::bigint END AS deadlocks,
    CASE WHEN count(*) = count(h.temp_bytes) THEN sum(h.temp_bytes)::bigint END AS temp_bytes,
    CASE WHEN count(*) = count(h.blks_hit) THEN sum(h.blks_hit)::bigint END AS blks_hit,
    CASE WHEN count(*) = count(h.blks_read) THEN sum(h.blks_read)::bigint END AS blks_read,
    (array_agg(h.database_bytes ORDER BY h.hour DESC) FILTER (WHERE h.database_bytes IS NOT NULL))[1]
        AS database_bytes
FROM ledger.database_hourly AS h
WHERE h.target_id = %(target_id)s
    AND h.hour >= %(start)s::timestamptz AND h.hour < %(end)s::timestamptz
    AND h.source::text = ANY (%(sources)s::text [])
GROUP BY 1
ORDER BY 1
