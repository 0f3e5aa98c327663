-- purpose: schema of our own records inside a target
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS perf_pipeline_meta
