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
    s.reloptions
    || ARRAY(
        SELECT 'toast.' || o.option FROM pg_catalog.pg_class AS t_of
        CROSS JOIN LATERAL unnest(t_of.reloptions) AS o (option) WHERE t_of.oid = s.reltoastrelid
    ) AS sibling_options,
    -- whom default privileges would let in
    ARRAY(
        SELECT DISTINCT COALESCE(r.rolname::text, 'public') FROM pg_catalog.pg_default_acl AS d
        CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS g
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
        WHERE d.defaclobjtype = 'r' AND d.defaclnamespace IN (0, c.relnamespace) AND g.grantee <> d.defaclrole
            AND d.defaclrole = (SELECT u.oid FROM pg_catalog.pg_roles AS u WHERE u.rolname = CURRENT_USER)
    ) AS default_grantees,
    -- the newest sibling's; without one what default privileges would give, as far as the parent gives it
    ARRAY(
        SELECT ARRAY[g.privilege_type, COALESCE(r.rolname::text, 'public'), g.is_grantable::text]
        FROM pg_catalog.aclexplode(CASE WHEN s.oid IS NULL THEN c.relacl ELSE s.relacl END) AS g
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
        WHERE g.grantee <> COALESCE(s.relowner, c.relowner) AND (
            s.oid IS NOT NULL OR g.grantee IN (
                SELECT h.grantee FROM pg_catalog.pg_default_acl AS d
                CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS h
                WHERE d.defaclobjtype = 'r' AND d.defaclnamespace IN (0, c.relnamespace)
                    AND d.defaclrole = (SELECT u.oid FROM pg_catalog.pg_roles AS u WHERE u.rolname = CURRENT_USER)
            )
        )
        ORDER BY r.rolname, g.privilege_type
    ) AS grants,
    -- the parent's targets, the newest sibling's options, else the other's
    ARRAY(
        SELECT pg_catalog.jsonb_build_object(
            'column', a.attname,
            'target', COALESCE(
                pg_catalog.max(NULLIF(a.attstattarget, -1)) FILTER (WHERE a.attrelid = c.oid),
                pg_catalog.max(NULLIF(a.attstattarget, -1))
            ),
            'options', (
                pg_catalog.array_agg(pg_catalog.to_jsonb(a.attoptions) ORDER BY a.attrelid = c.oid)
                FILTER (WHERE a.attoptions IS NOT NULL)
            )[1]
        )
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid IN (c.oid, s.oid) AND a.attnum > 0 AND NOT a.attisdropped
            AND (NULLIF(a.attstattarget, -1) IS NOT NULL OR a.attoptions IS NOT NULL)
        GROUP BY a.attname
    ) AS column_statistics,
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
LEFT JOIN LATERAL (
    -- from the newest on, so that only that one's row is read
    SELECT x.oid, x.relacl, x.relowner, x.reloptions, x.reltoastrelid FROM (
        SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid ORDER BY i.inhrelid DESC
    ) AS i
    JOIN pg_catalog.pg_class AS x ON x.oid = i.inhrelid
    WHERE x.relkind = 'r'
    ORDER BY i.inhrelid DESC LIMIT 1
) AS s ON true
WHERE c.oid = ANY (%(parents)s::oid[])
