-- purpose: the files of one system already applied to this database
-- minimum version: 14
SELECT file_name, content_sha256
FROM perf_pipeline_meta.applied_file
WHERE system = %(system)s
