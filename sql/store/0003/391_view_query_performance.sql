-- purpose: each statement hour by hour; rows examined and the use of indexes are counted by nobody per statement, and are absent
-- minimum version: 14
CREATE VIEW monitoring.query_performance AS
SELECT
    g.name AS target, h.hour AS executed_at, h.userid::bigint AS userid, h.dbid::bigint AS dbid,
    h.queryid, h.toplevel, c.text_hash AS query_hash, c.query_type, h.source::text AS source,
    h.exact, h.calls,
    h.total_exec_time / nullif(h.calls, 0) AS execution_ms,
    h.rows::double precision / nullif(h.calls, 0) AS rows_returned,
    h.shared_blks_hit, h.shared_blks_read, h.temp_blks, h.io_time AS io_ms, h.wal_bytes
FROM ledger.statements_hourly AS h
JOIN ledger.targets AS g USING (target_id)
LEFT JOIN perf_mgmt.statement_categories AS c
    ON c.target_id = h.target_id AND c.dbid = h.dbid AND c.userid = h.userid AND c.queryid = h.queryid;
