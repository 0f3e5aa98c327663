-- purpose: what a row of perf_pipeline_meta.mv_refresh_queue is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.mv_refresh_queue IS
    'One row per request to refresh a view; gone with the commit of the refresh that answered it.'
