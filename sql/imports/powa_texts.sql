-- purpose: texts of a database's statements in a PoWA repository, a page at a time
-- minimum version: 14
-- extension: powa 4.1 to 5.2
-- grant: SELECT on the tables of the PoWA repository
SELECT /* perf-pipeline */
    p.userid::bigint AS userid, p.dbid::bigint AS dbid, p.queryid,
    pg_catalog.left(p.query, %(characters)s::integer) AS query
FROM {schema}.powa_statements AS p
WHERE p.srvid = %(srvid)s AND p.dbid = %(dbid)s::bigint::oid
    AND (p.queryid, p.userid::bigint) > (%(queryid)s::bigint, %(userid)s::bigint)
ORDER BY p.queryid, p.userid::bigint
LIMIT %(most)s::bigint
