-- purpose: statements of the sweeps of a period that took more than some ms per call, with what kind of work they are
-- minimum version: 14
-- hot only: a week at most, which the store always has
WITH work AS (
    SELECT s.userid, s.dbid, s.queryid, s.toplevel, sum(s.calls)::bigint AS calls,
        sum(s.total_exec_time) AS total_ms,
        CASE WHEN count(*) = count(s.blk_read_time) THEN sum(s.blk_read_time + s.blk_write_time) END AS io_ms,
        sum(s.rows)::bigint AS rows
    FROM ledger.statements AS s
    WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
    GROUP BY s.userid, s.dbid, s.queryid, s.toplevel
    HAVING sum(s.calls) > 0 AND sum(s.total_exec_time) > %(slow_ms)s * sum(s.calls)
)
SELECT
    %(day)s::date AS day, w.userid::bigint AS userid, w.dbid::bigint AS dbid, w.queryid, w.toplevel,
    'collected' AS source, coalesce(c.category, 'general') AS category,
    w.calls, w.total_ms, w.io_ms, w.rows, c.reads_only
FROM work AS w
LEFT JOIN perf_mgmt.statement_categories AS c
    ON c.target_id = %(target_id)s AND c.dbid = w.dbid AND c.userid = w.userid AND c.queryid = w.queryid
LEFT JOIN ledger.query_texts AS q ON q.text_hash = c.text_hash
WHERE q.query IS DISTINCT FROM %(own_text)s
ORDER BY w.queryid, w.userid, w.dbid, w.toplevel
