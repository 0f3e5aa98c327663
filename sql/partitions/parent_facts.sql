-- purpose: what a new partition takes over from its parent and its newest sibling
-- minimum version: 14
SELECT /* perf-pipeline */
    pg_catalog.pg_get_userbyid(c.relowner) AS owner,
    t.spcname AS tablespace,
    c.relrowsecurity AS row_security,
    c.relforcerowsecurity AS force_row_security,
    c.relreplident AS replica_identity,
    (
        SELECT x.indexrelid FROM pg_catalog.pg_index AS x
        WHERE x.indrelid = c.oid AND x.indisreplident
    ) AS identity_index,
    (
        SELECT s.reloptions FROM pg_catalog.pg_inherits AS i
        JOIN pg_catalog.pg_class AS s ON s.oid = i.inhrelid
        WHERE i.inhparent = c.oid AND s.relkind = 'r'
        ORDER BY s.oid DESC LIMIT 1
    ) AS sibling_options,
    ARRAY(
        SELECT k.conrelid::regclass::text FROM pg_catalog.pg_constraint AS k
        WHERE k.confrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
    ) AS referenced_by,
    ARRAY(
        SELECT ARRAY[a.attname::text, pg_catalog.format_type(a.atttypid, NULL), a.attgenerated::text]
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
    ) AS columns
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_tablespace AS t ON t.oid = c.reltablespace
WHERE c.oid = %(parent)s::oid
