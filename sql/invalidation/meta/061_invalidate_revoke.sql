-- purpose: nobody asks for an invalidation unless it was granted
-- minimum version: 14
REVOKE ALL ON FUNCTION perf_pipeline_meta.invalidate(text, text, text) FROM PUBLIC
