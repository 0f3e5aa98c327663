-- purpose: which publications a table is in, by its schema or with a part of its rows or columns, and whether they would tell of its partitions as of itself
-- minimum version: 15
SELECT /* perf-pipeline */
    p.pubname AS name, p.puballtables OR s.pnpubid IS NOT NULL AS whole,
    o.prqual IS NOT NULL OR o.prattrs IS NOT NULL AS is_part, p.pubviaroot AS via_root,
    pg_catalog.pg_has_role(p.pubowner, 'USAGE') AS is_ours
FROM pg_catalog.pg_publication AS p
LEFT JOIN pg_catalog.pg_publication_rel AS o ON o.prpubid = p.oid AND o.prrelid = %(relation)s::oid
LEFT JOIN pg_catalog.pg_publication_namespace AS s
    ON s.pnpubid = p.oid
    AND s.pnnspid = (SELECT c.relnamespace FROM pg_catalog.pg_class AS c WHERE c.oid = %(relation)s::oid)
WHERE p.puballtables OR o.oid IS NOT NULL OR s.pnpubid IS NOT NULL
ORDER BY p.pubname
