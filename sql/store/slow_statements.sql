-- purpose: statements of some days that took more than some ms per call, with what kind of work they are
-- minimum version: 14
SELECT
    d.day, d.userid, d.dbid, d.queryid, d.toplevel, d.source::text AS source,
    coalesce(c.category, 'general') AS category,
    d.calls, d.total_exec_time AS total_ms, d.blk_read_time + d.blk_write_time AS io_ms, d.rows,
    c.reads_only
FROM ledger.statements_daily AS d
LEFT JOIN perf_mgmt.statement_categories AS c
    ON c.target_id = d.target_id AND c.dbid = d.dbid AND c.userid = d.userid AND c.queryid = d.queryid
LEFT JOIN ledger.query_texts AS q ON q.text_hash = c.text_hash
WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s AND %(last)s
    AND d.calls > 0 AND d.total_exec_time > %(slow_ms)s * d.calls
    AND q.query IS DISTINCT FROM %(own_text)s
ORDER BY d.day, d.queryid, d.userid, d.dbid, d.toplevel
