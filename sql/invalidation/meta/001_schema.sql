-- purpose: schema of our own records inside a target, for what captures its changes
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS perf_pipeline_meta
