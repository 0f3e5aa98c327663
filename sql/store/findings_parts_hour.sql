-- purpose: what the time of some statements is made of in some spans, from hours with exact intervals; n: place of the span; NULL: not known in some hour, or no rollup keeps it by the hour; sums are of decimals, so that none depends on the order of rows
-- minimum version: 14
SELECT
    w.n, sum(h.calls)::bigint AS calls,
    sum(h.total_exec_time::numeric)::double precision AS exec_ms,
    CASE WHEN count(h.io_time) = count(*) THEN sum(h.io_time::numeric) END::double precision AS io_ms,
    CASE WHEN count(h.jit_time) = count(*) THEN sum(h.jit_time::numeric) END::double precision AS jit_ms,
    CASE WHEN count(h.total_plan_time) = count(*) THEN sum(h.total_plan_time::numeric) END::double precision AS plan_ms,
    CASE WHEN count(h.rows) = count(*) THEN sum(h.rows) END::bigint AS rows,
    CASE WHEN count(h.shared_blks_read) = count(*) THEN sum(h.shared_blks_read) END::bigint AS blocks_read,
    CASE WHEN count(h.shared_blks_hit + h.shared_blks_read) = count(*) THEN sum(h.shared_blks_hit + h.shared_blks_read) END::bigint AS blocks,
    CASE WHEN count(h.temp_blks) = count(*) THEN sum(h.temp_blks) END::bigint AS temp_blocks,
    CASE WHEN count(h.wal_bytes) = count(*) THEN sum(h.wal_bytes) END::bigint AS wal_bytes
FROM ledger.statements_hourly AS h
JOIN
    unnest(
        %(userids)s::bigint[], %(dbids)s::bigint[], %(queryids)s::bigint[], %(toplevels)s::boolean[],
        %(starts)s::timestamptz[], %(ends)s::timestamptz[]
    ) WITH ORDINALITY AS w (userid, dbid, queryid, toplevel, first, last, n)
    ON h.queryid = w.queryid AND h.userid::bigint = w.userid AND h.dbid::bigint = w.dbid
    AND h.toplevel = w.toplevel AND h.hour >= w.first AND h.hour < w.last
WHERE h.target_id = %(target_id)s AND h.source::text = ANY (%(sources)s::text[]) AND h.exact
    AND h.hour >= (SELECT min(first) FROM unnest(%(starts)s::timestamptz[]) AS s (first))
    AND h.hour < (SELECT max(last) FROM unnest(%(ends)s::timestamptz[]) AS e (last))
    AND h.queryid = ANY (%(queryids)s::bigint[])
GROUP BY w.n
ORDER BY w.n
