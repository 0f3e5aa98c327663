-- purpose: every object of the user schemas with what identifies its shape: columns, keys, bounds, labels
-- minimum version: 14
SELECT
    CASE c.relkind
        WHEN 'v' THEN 'view'
        WHEN 'm' THEN 'materialized view'
        WHEN 'S' THEN 'sequence'
        ELSE 'table'
    END AS kind,
    n.nspname || '.' || c.relname AS name,
    CASE c.relkind
        WHEN 'S' THEN '{}'
        ELSE ARRAY(
            SELECT a.attname::text
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum
        )
    END AS columns,
    jsonb_build_object(
        'partitioned', pg_get_partkeydef(c.oid),
        'partitions', (SELECT count(*) FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid),
        'of', (
            SELECT pn.nspname || '.' || p.relname
            FROM pg_catalog.pg_inherits AS h
            JOIN pg_catalog.pg_class AS p ON p.oid = h.inhparent
            JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
            WHERE h.inhrelid = c.oid
        ),
        'bounds', pg_get_expr(c.relpartbound, c.oid),
        'key', (
            SELECT pg_get_constraintdef(k.oid)
            FROM pg_catalog.pg_constraint AS k
            WHERE k.conrelid = c.oid AND k.contype = 'p'
        )
    ) AS facts
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
UNION ALL
SELECT
    'index',
    n.nspname || '.' || c.relname,
    ARRAY(
        SELECT
            pg_get_indexdef(i.indexrelid, place, true)
            || CASE WHEN i.indoption[place - 1] & 1 = 1 THEN ' DESC' ELSE '' END
        FROM generate_series(1, i.indnkeyatts) AS place
        ORDER BY place
    ),
    jsonb_build_object(
        'relation', tn.nspname || '.' || t.relname,
        'method', m.amname,
        'unique', i.indisunique,
        'usable', i.indisvalid AND i.indisready,
        'where', pg_get_expr(i.indpred, i.indrelid, true),
        'include', ARRAY(
            SELECT pg_get_indexdef(i.indexrelid, place, true)
            FROM generate_series(i.indnkeyatts + 1, i.indnatts) AS place
            ORDER BY place
        )
    )
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
UNION ALL
SELECT
    'type',
    n.nspname || '.' || t.typname,
    ARRAY(
        SELECT e.enumlabel::text
        FROM pg_catalog.pg_enum AS e
        WHERE e.enumtypid = t.oid
        ORDER BY e.enumsortorder
    ),
    '{}'
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.typtype = 'e' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
UNION ALL
SELECT
    'function',
    n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    '{}',
    jsonb_build_object('returns', pg_get_function_result(p.oid))
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
UNION ALL
SELECT
    'trigger',
    n.nspname || '.' || t.tgname,
    '{}',
    jsonb_build_object(
        'relation', n.nspname || '.' || c.relname,
        'calls', fn.nspname || '.' || p.proname,
        'enabled', t.tgenabled = 'O',
        'each', CASE WHEN t.tgtype & 1 = 1 THEN 'row' ELSE 'statement' END,
        'events', ARRAY(
            SELECT event
            FROM (VALUES ('insert', 4), ('update', 16), ('delete', 8), ('truncate', 32)) AS e (event, bit)
            WHERE t.tgtype & bit <> 0
            ORDER BY event
        )
    )
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS fn ON fn.oid = p.pronamespace
WHERE NOT t.tgisinternal
