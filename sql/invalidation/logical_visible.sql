-- purpose: which transactions are not yet visible to a query that begins now
-- minimum version: 14
-- A commit is in the write-ahead log before others see it, with synchronous replication long before.
SELECT /* perf-pipeline */
    pg_catalog.pg_snapshot_xmax(s.now)::text::bigint AS from_xid,
    ARRAY(SELECT x::text::bigint FROM pg_catalog.pg_snapshot_xip(s.now) AS x) AS running
FROM (SELECT pg_catalog.pg_current_snapshot() AS now) AS s
