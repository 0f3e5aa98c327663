-- purpose: the statements that took most time over some days, with their texts, and the time of all; NULL: I/O was not timed
-- minimum version: 14
WITH work AS (
    SELECT d.queryid, d.userid, d.dbid, sum(d.calls)::float8 AS calls, sum(d.total_exec_time)::float8 AS total_ms,
        CASE WHEN count(*) = count(d.blk_read_time) THEN sum(d.blk_read_time + d.blk_write_time) END::float8 AS io_ms,
        sum(d.temp_blks_written)::float8 AS temp_blocks,
        CASE WHEN count(*) = count(d.rows) THEN sum(d.rows) END::float8 AS rows,
        sum(d.total_exec_time) FILTER (WHERE d.day > %(middle)s)::float8
            / nullif(sum(d.calls) FILTER (WHERE d.day > %(middle)s), 0) AS late_ms,
        sum(d.total_exec_time) FILTER (WHERE d.day <= %(middle)s)::float8
            / nullif(sum(d.calls) FILTER (WHERE d.day <= %(middle)s), 0) AS early_ms,
        count(DISTINCT d.day) AS days
    FROM ledger.statements_daily AS d
    WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s AND %(last)s AND d.toplevel AND d.calls > 0
        AND d.source <> 'generated'
    GROUP BY d.queryid, d.userid, d.dbid
)
SELECT w.queryid, sum(w.calls)::float8 AS calls, sum(w.total_ms)::float8 AS total_ms,
    CASE WHEN count(*) = count(w.io_ms) THEN sum(w.io_ms) END::float8 AS io_ms,
    sum(w.temp_blocks)::float8 AS temp_blocks, CASE WHEN count(*) = count(w.rows) THEN sum(w.rows) END::float8 AS rows, max(w.days) AS days,
    min(w.late_ms)::float8 AS late_ms, min(w.early_ms)::float8 AS early_ms,
    min(q.query) AS query,
    (SELECT sum(a.total_ms) FROM work AS a)::float8 AS all_ms
FROM work AS w
JOIN ledger.statement_texts AS t
    ON t.target_id = %(target_id)s AND t.queryid = w.queryid AND t.userid = w.userid AND t.dbid = w.dbid
JOIN ledger.query_texts AS q USING (text_hash)
WHERE q.query <> %(own_text)s
GROUP BY w.queryid
ORDER BY total_ms DESC, w.queryid
LIMIT %(most)s
