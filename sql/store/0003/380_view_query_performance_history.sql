-- purpose: each statement day by day, with its category, the server's version (while its sweeps are in the store) and whether it was slow
-- minimum version: 14
CREATE VIEW perf_mgmt.query_performance_history AS
SELECT
    d.target_id, d.day, d.userid::bigint AS userid, d.dbid::bigint AS dbid, d.queryid, d.toplevel,
    c.text_hash AS query_hash, coalesce(c.category, 'general') AS category, d.source::text AS source,
    d.exact_calls AS calls,
    d.exact_exec_time / nullif(d.exact_calls, 0) AS mean_ms,
    (d.blk_read_time + d.blk_write_time) / nullif(d.calls, 0) AS io_ms,
    d.rows::double precision / nullif(d.calls, 0) AS rows_returned,
    v.server_version_num,
    s.state, s.watched
FROM ledger.statements_daily AS d
LEFT JOIN perf_mgmt.statement_categories AS c
    ON c.target_id = d.target_id AND c.dbid = d.dbid AND c.userid = d.userid AND c.queryid = d.queryid
LEFT JOIN (
    SELECT target_id, (ts AT TIME ZONE 'UTC')::date AS day, max(server_version_num) AS server_version_num
    FROM ledger.sweeps
    GROUP BY 1, 2
) AS v ON v.target_id = d.target_id AND v.day = d.day
LEFT JOIN perf_mgmt.slow_queries AS s
    ON s.target_id = d.target_id AND s.day = d.day AND s.queryid = d.queryid
    AND s.userid = d.userid AND s.dbid = d.dbid AND s.toplevel = d.toplevel;
