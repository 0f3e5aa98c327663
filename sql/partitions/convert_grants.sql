-- purpose: who may do what with a table
-- minimum version: 14
SELECT /* perf-pipeline */ g.privilege_type, COALESCE(r.rolname, 'public'), g.is_grantable
FROM pg_catalog.pg_class AS c
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS g
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
WHERE c.oid = %(relation)s::oid AND g.grantee <> c.relowner
