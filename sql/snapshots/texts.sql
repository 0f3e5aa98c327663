-- purpose: texts of the given statements, their beginning; the server reads its whole text file for it, so rarely
-- minimum version: 14
-- extension: pg_stat_statements
-- grant: pg_read_all_stats (part of pg_monitor)
-- cadence: when statements without a text ran, at most every ten minutes
SELECT /* perf-pipeline */ s.userid, s.dbid, s.queryid, pg_catalog."left"(s.query, %(characters)s) AS query
FROM {extension}.pg_stat_statements(true) AS s
WHERE s.queryid = ANY (%(queryids)s::pg_catalog.int8[])
    AND s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
