-- purpose: what a row of perf_pipeline_meta.mv_refresh_state is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.mv_refresh_state IS
    'One row per view kept by perf-pipeline: when it was last refreshed, last proved unchanged, and on what evidence.'
