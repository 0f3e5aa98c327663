-- purpose: what some statements did in each week of a span (ns: whole nanoseconds, so that no sum depends on the order of rows); NULL: not known on some day
-- minimum version: 14
SELECT
    d.week, d.source, d.userid, d.dbid, d.queryid, d.toplevel,
    coalesce(c.category, 'general') AS category, c.reads_only, d.calls, d.io_ns, d.rows
FROM (
    SELECT
        date_trunc('week', day::timestamp)::date AS week, source::text AS source,
        userid, dbid, queryid, toplevel,
        sum(calls)::bigint AS calls,
        CASE WHEN count(*) = count(blk_read_time + blk_write_time)
            THEN sum(((blk_read_time + blk_write_time) * 1e6)::bigint)::bigint END AS io_ns,
        CASE WHEN count(*) = count(rows) THEN sum(rows)::bigint END AS rows
    FROM ledger.statements_daily
    WHERE target_id = %(target_id)s AND day >= %(start)s AND day < %(end)s
        AND queryid = ANY (%(queryids)s::bigint [])
    GROUP BY 1, 2, 3, 4, 5, 6
) AS d
LEFT JOIN perf_mgmt.statement_categories AS c
    ON c.target_id = %(target_id)s AND c.dbid = d.dbid AND c.userid = d.userid AND c.queryid = d.queryid
LEFT JOIN ledger.query_texts AS q ON q.text_hash = c.text_hash
WHERE q.query IS DISTINCT FROM %(own_text)s
ORDER BY d.week, d.queryid, d.userid, d.dbid, d.toplevel, d.source
