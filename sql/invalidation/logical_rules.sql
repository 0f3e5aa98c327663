-- purpose: what is captured from the write-ahead log: rules with the tables, partitions included, that hold their rows
-- minimum version: 14
-- `first` is the column of the table that a change tells; a rule of a path names the first of its path.
SELECT /* perf-pipeline */
    r.rule_id,
    r.entity,
    r.columns,
    r.source::oid::bigint AS root,
    r.source_name,
    coalesce(leaves.oids, '{}') AS leaves
FROM perf_pipeline_meta.invalidation_rule AS r
LEFT JOIN LATERAL (
    SELECT pg_catalog.array_agg(t.relid::oid::bigint) AS oids
    FROM (
        SELECT r.source AS relid
        UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(r.source) AS p
    ) AS t
) AS leaves ON true
WHERE r.active AND r.per = 'logical'
ORDER BY r.rule_id
