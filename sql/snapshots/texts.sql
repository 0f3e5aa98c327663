-- purpose: texts of the given statements, their beginning and the end of long ones; the server reads its whole text file for it, so rarely
-- minimum version: 14
-- extension: pg_stat_statements
-- grant: pg_read_all_stats (part of pg_monitor)
-- cadence: when statements without a text ran, at most every ten minutes
-- The sum runs over the rows as they come, without a sort: it holds back what is past the limit.
SELECT /* perf-pipeline */
    t.userid, t.dbid, t.queryid, t.bytes <= %(bytes)s AS within_limit,
    CASE WHEN t.bytes <= %(bytes)s THEN t.query END AS query,
    CASE WHEN t.bytes <= %(bytes)s THEN t.ending END AS ending
FROM (
    SELECT
        l.userid, l.dbid, l.queryid, l.query, l.ending,
        pg_catalog.sum(
            COALESCE(pg_catalog.octet_length(l.query), 0) + COALESCE(pg_catalog.octet_length(l.ending), 0)
        ) OVER (ROWS UNBOUNDED PRECEDING) AS bytes
    FROM (
        SELECT
            s.userid, s.dbid, s.queryid,
            pg_catalog."left"(s.query, %(characters)s) AS query,
            CASE
                WHEN pg_catalog.length(s.query) > %(characters)s
                THEN pg_catalog."right"(s.query, %(ending_characters)s)
            END AS ending
        FROM {extension}.pg_stat_statements(true) AS s
        WHERE s.queryid = ANY (%(queryids)s::pg_catalog.int8[])
            AND s.dbid = (
                SELECT d.oid FROM pg_catalog.pg_database AS d
                WHERE d.datname = pg_catalog.current_database()
            )
    ) AS l
) AS t
