-- purpose: what the role may do beyond reading statistics: one row; privileges given to PUBLIC count, those of extensions do not
-- minimum version: 14
WITH extended AS MATERIALIZED (
    SELECT d.objid FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e'
),
tables AS MATERIALIZED (
    SELECT c.oid, c.relowner,
        pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
        pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS in_reach
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'm', 'v') AND c.relpersistence <> 't'
        AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
        AND c.oid NOT IN (SELECT e.objid FROM extended AS e)
)
SELECT /* perf-pipeline */
    (
        SELECT pg_catalog.array_agg(t.name ORDER BY t.name) FROM tables AS t
        WHERE t.in_reach AND pg_catalog.has_any_column_privilege(t.oid, 'SELECT')
    ) AS readable,
    (
        SELECT pg_catalog.array_agg(t.name ORDER BY t.name) FROM tables AS t
        WHERE t.in_reach AND (
            pg_catalog.has_table_privilege(t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
            OR pg_catalog.has_any_column_privilege(t.oid, 'INSERT, UPDATE')
        )
    ) AS writable,
    (
        SELECT pg_catalog.array_agg(pg_catalog.quote_ident(n.nspname) ORDER BY n.nspname)
        FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname NOT LIKE 'pg\_%' AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')
    ) AS schemas,
    (
        SELECT pg_catalog.array_agg(pg_catalog.quote_ident(r.rolname) ORDER BY r.rolname)
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolname <> current_user AND pg_catalog.pg_has_role(r.oid, 'MEMBER')
            AND r.rolname NOT IN ('pg_monitor', 'pg_read_all_stats', 'pg_read_all_settings', 'pg_stat_scan_tables')
    ) AS roles,
    pg_catalog.array_remove(ARRAY[
        CASE WHEN u.rolcreatedb THEN 'CREATEDB' END,
        CASE WHEN u.rolcreaterole THEN 'CREATEROLE' END,
        CASE WHEN u.rolreplication THEN 'REPLICATION' END,
        CASE WHEN u.rolbypassrls THEN 'BYPASSRLS' END
    ], NULL) AS attributes
FROM pg_catalog.pg_roles AS u
WHERE u.rolname = current_user
