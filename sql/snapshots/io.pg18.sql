-- purpose: reads, writes and hits of the whole server by kind of process, object and context, WAL among them
-- minimum version: 18
-- cadence: every sweep
-- scope: instance
SELECT /* perf-pipeline */
    i.backend_type, i.object, i.context,
    i.reads, i.read_bytes::pg_catalog.int8 AS read_bytes,
    CASE WHEN i.timed THEN i.read_time ELSE NULLIF(i.read_time, 0) END AS read_time,
    i.writes, i.write_bytes::pg_catalog.int8 AS write_bytes,
    CASE WHEN i.timed THEN i.write_time ELSE NULLIF(i.write_time, 0) END AS write_time,
    i.writebacks,
    CASE WHEN i.timed THEN i.writeback_time ELSE NULLIF(i.writeback_time, 0) END AS writeback_time,
    i.extends, i.extend_bytes::pg_catalog.int8 AS extend_bytes,
    CASE WHEN i.timed THEN i.extend_time ELSE NULLIF(i.extend_time, 0) END AS extend_time,
    i.hits, i.evictions, i.reuses, i.fsyncs,
    CASE WHEN i.timed THEN i.fsync_time ELSE NULLIF(i.fsync_time, 0) END AS fsync_time,
    i.stats_reset AS stats_since
FROM (
    SELECT
        s.*,
        pg_catalog.current_setting(
            CASE s.object WHEN 'wal' THEN 'track_wal_io_timing' ELSE 'track_io_timing' END
        )::pg_catalog.bool AS timed
    FROM pg_catalog.pg_stat_io AS s
) AS i
