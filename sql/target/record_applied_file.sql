-- purpose: remember that a file was applied
-- minimum version: 14
INSERT INTO perf_pipeline_meta.applied_file (system, file_name, content_sha256)
VALUES (%(system)s, %(file_name)s, %(content_sha256)s)
ON CONFLICT (system, file_name)
DO UPDATE SET content_sha256 = excluded.content_sha256, applied_at = now()
