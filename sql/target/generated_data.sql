-- purpose: with what the tables of one example system were filled
-- minimum version: 14
SELECT parameters, row_counts, content_sha256, reference_time
FROM perf_pipeline_meta.generated_data
WHERE system = %(system)s
