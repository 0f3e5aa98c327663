-- purpose: what request_refresh reads with its caller's rights: which views are kept incrementally
-- minimum version: 14
GRANT SELECT (view_name) ON TABLE perf_pipeline_meta.rollup TO PUBLIC
