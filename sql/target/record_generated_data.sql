-- purpose: remember with what the tables of an example system were filled
-- minimum version: 14
INSERT INTO perf_pipeline_meta.generated_data
    (system, parameters, row_counts, content_sha256, reference_time, seconds)
VALUES
    (%(system)s, %(parameters)s, %(row_counts)s, %(content_sha256)s, %(reference_time)s, %(seconds)s)
ON CONFLICT (system)
DO UPDATE SET
    parameters = excluded.parameters,
    row_counts = excluded.row_counts,
    content_sha256 = excluded.content_sha256,
    reference_time = excluded.reference_time,
    seconds = excluded.seconds,
    generated_at = now()
