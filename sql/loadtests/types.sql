-- purpose: types by their numbers, written so that they can be cast to; and the number of this database
-- minimum version: 14
-- grant: none
SELECT pg_catalog.format_type(t.oid, NULL) AS type, t.typcategory = 'A' AS is_array,
    (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())::pg_catalog.int8 AS dbid
FROM pg_catalog.unnest(%(oids)s::pg_catalog.oid[]) WITH ORDINALITY AS asked (oid, place)
JOIN pg_catalog.pg_type AS t ON t.oid = asked.oid
ORDER BY asked.place
