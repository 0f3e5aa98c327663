-- purpose: texts of a database's statements in a pg_profile repository, a page at a time
-- minimum version: 14
-- extension: pg_profile 4.0 to 4.11
-- grant: pg_read_all_stats (part of pg_monitor)
SELECT /* perf-pipeline */
    k.userid::bigint AS userid, k.datid::bigint AS dbid, k.queryid,
    pg_catalog.left(l.query, %(characters)s::integer) AS query
FROM (
    SELECT s.server_id, s.userid, s.datid, s.queryid, min(s.queryid_md5) AS queryid_md5
    FROM {schema}.sample_statements AS s
    WHERE s.server_id = %(server_id)s AND s.datid = %(dbid)s::bigint::oid
        AND (s.queryid, s.userid::bigint) > (%(queryid)s::bigint, %(userid)s::bigint)
    GROUP BY s.server_id, s.userid, s.datid, s.queryid
    ORDER BY s.queryid, s.userid::bigint
    LIMIT %(most)s::bigint
) AS k
JOIN {schema}.stmt_list AS l USING (server_id, queryid_md5)
ORDER BY k.queryid, k.userid::bigint
