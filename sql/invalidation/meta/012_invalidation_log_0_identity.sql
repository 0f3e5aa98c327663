-- purpose: rows of invalidation_log_0 may be deleted where a publication is FOR ALL TABLES
-- minimum version: 14
ALTER TABLE perf_pipeline_meta.invalidation_log_0 REPLICA IDENTITY FULL
