-- purpose: nobody asks for refreshes unless it was granted
-- minimum version: 14
REVOKE ALL ON FUNCTION perf_pipeline_meta.request_refresh(regclass, text) FROM PUBLIC
