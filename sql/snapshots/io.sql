-- purpose: reads, writes and hits of the whole server by kind of process, object and context; a time that is not measured is NULL, not zero
-- minimum version: 16
-- cadence: every sweep
-- scope: instance
SELECT /* perf-pipeline */
    i.backend_type, i.object, i.context,
    i.reads, i.reads * i.op_bytes AS read_bytes,
    CASE WHEN t.timed THEN i.read_time ELSE NULLIF(i.read_time, 0) END AS read_time,
    i.writes, i.writes * i.op_bytes AS write_bytes,
    CASE WHEN t.timed THEN i.write_time ELSE NULLIF(i.write_time, 0) END AS write_time,
    i.writebacks,
    CASE WHEN t.timed THEN i.writeback_time ELSE NULLIF(i.writeback_time, 0) END AS writeback_time,
    i.extends, i.extends * i.op_bytes AS extend_bytes,
    CASE WHEN t.timed THEN i.extend_time ELSE NULLIF(i.extend_time, 0) END AS extend_time,
    i.hits, i.evictions, i.reuses, i.fsyncs,
    CASE WHEN t.timed THEN i.fsync_time ELSE NULLIF(i.fsync_time, 0) END AS fsync_time,
    i.stats_reset AS stats_since
FROM pg_catalog.pg_stat_io AS i,
    (SELECT pg_catalog.current_setting('track_io_timing')::pg_catalog.bool AS timed) AS t
