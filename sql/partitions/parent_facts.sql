-- purpose: what new partitions take over from their parents and newest siblings
-- minimum version: 14
-- foreign keys have no index by what they refer to: read once
WITH keys AS MATERIALIZED (
    SELECT conrelid, confrelid, conparentid FROM pg_catalog.pg_constraint
    WHERE contype = 'f'
        AND (conrelid = ANY (%(parents)s::oid[]) OR confrelid = ANY (%(parents)s::oid[]))
)
SELECT /* perf-pipeline */
    c.oid,
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
        -- from the newest on, so that only that one's row is read
        SELECT s.reloptions FROM (
            SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid ORDER BY i.inhrelid DESC
        ) AS i
        JOIN pg_catalog.pg_class AS s ON s.oid = i.inhrelid
        WHERE s.relkind = 'r'
        ORDER BY i.inhrelid DESC LIMIT 1
    ) AS sibling_options,
    ARRAY(
        SELECT DISTINCT k.conrelid::regclass::text FROM keys AS k
        WHERE k.confrelid = c.oid AND k.conparentid = 0
    ) AS referenced_by,
    EXISTS (SELECT FROM keys AS k WHERE k.conrelid = c.oid)
        OR EXISTS (SELECT FROM keys AS k WHERE k.confrelid = c.oid) AS foreign_keys,
    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid) AS indexes,
    ARRAY(
        SELECT ARRAY[a.attname::text, pg_catalog.format_type(a.atttypid, NULL), a.attgenerated::text]
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
    ) AS columns
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_tablespace AS t ON t.oid = c.reltablespace
WHERE c.oid = ANY (%(parents)s::oid[])
