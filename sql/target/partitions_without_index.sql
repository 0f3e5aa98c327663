-- purpose: partitions that a partitioned index does not cover yet, with the statement that builds the part
-- minimum version: 14
SELECT
    pn.nspname AS schema_name,
    part.name AS index_name,
    format(
        'CREATE %%sINDEX CONCURRENTLY %%I ON %%I.%%I %%s',
        CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END,
        part.name,
        pn.nspname,
        p.relname,
        part.definition
    ) AS statement,
    built.indisvalid AS usable
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_inherits AS h ON h.inhparent = i.indrelid
JOIN pg_catalog.pg_class AS p ON p.oid = h.inhrelid
JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
JOIN pg_catalog.pg_class AS whole ON whole.oid = i.indexrelid
CROSS JOIN LATERAL pg_get_indexdef(i.indexrelid) AS d (text)
CROSS JOIN LATERAL (
    SELECT
        p.relname || '_' || whole.relname AS name,
        substr(d.text, position(' USING ' IN d.text) + 1) AS definition
) AS part
LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = p.relnamespace AND c.relname = part.name
LEFT JOIN pg_catalog.pg_index AS built ON built.indexrelid = c.oid
WHERE i.indexrelid = %(index)s::regclass
  AND NOT EXISTS (
      SELECT 1
      FROM pg_catalog.pg_inherits AS ih
      JOIN pg_catalog.pg_index AS covered ON covered.indexrelid = ih.inhrelid
      WHERE ih.inhparent = i.indexrelid AND covered.indrelid = p.oid
  )
ORDER BY p.relname
