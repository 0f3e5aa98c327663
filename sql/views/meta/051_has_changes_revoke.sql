-- purpose: nobody but who refreshes asks whether something was captured
-- minimum version: 14
REVOKE ALL ON FUNCTION perf_pipeline_meta.has_changes(integer) FROM PUBLIC
