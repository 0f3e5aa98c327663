-- purpose: whether this role may copy a database to run load on the copy, its size, and who is connected to it
-- minimum version: 14
SELECT /* perf-pipeline */
    pg_catalog.pg_has_role(d.datdba, 'USAGE') OR d.datistemplate OR r.rolsuper AS may_read,
    r.rolcreatedb OR r.rolsuper AS may_create,
    CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') THEN pg_catalog.pg_database_size(d.oid) END AS data_bytes,
    pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS server_version_num,
    (
        SELECT pg_catalog.count(*)
        FROM pg_catalog.pg_stat_activity AS a
        WHERE a.datid = d.oid AND a.backend_type = 'client backend'
    ) AS sessions
FROM pg_catalog.pg_database AS d
CROSS JOIN pg_catalog.pg_roles AS r
WHERE d.datname = %(database)s AND r.rolname = current_user
