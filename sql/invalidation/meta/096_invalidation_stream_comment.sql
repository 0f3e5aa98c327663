-- purpose: what a row of perf_pipeline_meta.invalidation_stream is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.invalidation_stream IS
    'One row per slot from which changes are read without triggers: one at most.'
