-- purpose: whether some tables have other files now than at this transaction's instant: truncated or written anew
-- minimum version: 14
SELECT /* perf-pipeline */ coalesce(pg_catalog.bool_or(c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid)), false)
    OR count(*) <> pg_catalog.cardinality(%(members)s::bigint[]) AS moved
FROM pg_catalog.pg_class AS c
WHERE c.oid = ANY (%(members)s::bigint[]::oid[])
