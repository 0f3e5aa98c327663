-- purpose: what each statement did in the days before a Monday, where it ran often enough
-- minimum version: 14
SELECT
    %(monday)s::date AS day, d.userid, d.dbid, d.queryid, d.toplevel,
    coalesce(c.category, 'general') AS category,
    sum(d.calls)::bigint AS calls,
    CASE WHEN count(*) = count(d.blk_read_time + d.blk_write_time)
        THEN sum(((d.blk_read_time + d.blk_write_time) * 1e6)::bigint)::bigint END AS io_ns,
    CASE WHEN count(*) = count(d.rows) THEN sum(d.rows)::bigint END AS rows,
    c.reads_only
FROM ledger.statements_daily AS d
LEFT JOIN perf_mgmt.statement_categories AS c
    ON c.target_id = d.target_id AND c.dbid = d.dbid AND c.userid = d.userid AND c.queryid = d.queryid
LEFT JOIN ledger.query_texts AS q ON q.text_hash = c.text_hash
WHERE d.target_id = %(target_id)s AND d.day >= %(start)s AND d.day < %(monday)s
    AND d.source::text = ANY (%(sources)s::text [])
    AND q.query IS DISTINCT FROM %(own_text)s
GROUP BY d.userid, d.dbid, d.queryid, d.toplevel, c.category, c.reads_only
HAVING sum(d.calls) > %(calls)s
ORDER BY d.queryid, d.userid, d.dbid, d.toplevel
