-- purpose: which publications a table is in, and whether they would tell of its partitions as of itself
-- minimum version: 14
SELECT /* perf-pipeline */
    p.pubname AS name, p.puballtables AS whole, false AS is_part, p.pubviaroot AS via_root,
    pg_catalog.pg_has_role(p.pubowner, 'USAGE') AS is_ours
FROM pg_catalog.pg_publication AS p
WHERE p.puballtables
    OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel AS o WHERE o.prpubid = p.oid AND o.prrelid = %(relation)s::oid)
ORDER BY p.pubname
