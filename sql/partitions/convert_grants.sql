-- purpose: who may do what with a table, whole or by columns
-- minimum version: 14
SELECT /* perf-pipeline */
    g.privilege_type, NULL AS column_name, COALESCE(r.rolname, 'public') AS role, g.is_grantable
FROM pg_catalog.pg_class AS c
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS g
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
WHERE c.oid = %(relation)s::oid AND g.grantee <> c.relowner
UNION ALL
SELECT g.privilege_type, a.attname, COALESCE(r.rolname, 'public'), g.is_grantable
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS g
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
WHERE c.oid = %(relation)s::oid AND g.grantee <> c.relowner
ORDER BY 2 NULLS FIRST, 3, 1
