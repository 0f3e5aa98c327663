-- purpose: schema of our own records inside a target, for what keeps its views
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS perf_pipeline_meta
