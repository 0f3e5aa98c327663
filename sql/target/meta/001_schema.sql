-- purpose: schema of our own records inside a target
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS perf_pipeline_meta;
COMMENT ON SCHEMA perf_pipeline_meta IS 'what perf-pipeline applied to this database';
