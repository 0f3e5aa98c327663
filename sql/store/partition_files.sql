-- purpose: the files of archived partitions of targets, and whether they are no longer of use
-- minimum version: 14
SELECT f.file ->> 'path' AS path, (f.file ->> 'bytes')::bigint AS bytes, bool_and(a.superseded_at IS NOT NULL) AS superseded
FROM maintenance.partition_archive AS a
CROSS JOIN LATERAL jsonb_array_elements(a.files) AS f (file)
GROUP BY 1, 2
