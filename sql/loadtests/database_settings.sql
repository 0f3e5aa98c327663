-- purpose: settings that hold for sessions of a database, those of this role last: a copy of it does not inherit them
-- minimum version: 14
SELECT /* perf-pipeline */
    pg_catalog.split_part(setting, '=', 1) AS name,
    pg_catalog.substr(setting, pg_catalog.strpos(setting, '=') + 1) AS value
FROM pg_catalog.pg_db_role_setting AS s
CROSS JOIN pg_catalog.unnest(s.setconfig) AS setting
WHERE s.setdatabase = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = %(database)s)
    AND s.setrole IN (0, (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user))
ORDER BY s.setrole = 0 DESC, name
