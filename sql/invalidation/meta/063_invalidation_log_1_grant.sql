-- purpose: what invalidate() writes with its caller's rights; when, and by which rule, nobody may write
-- minimum version: 14
GRANT INSERT (cache_type, entity, reason) ON TABLE perf_pipeline_meta.invalidation_log_1 TO PUBLIC
