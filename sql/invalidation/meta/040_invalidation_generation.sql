-- purpose: sequence perf_pipeline_meta.invalidation_generation: a later change has a higher generation, also after its entry was done
-- minimum version: 14
CREATE SEQUENCE IF NOT EXISTS perf_pipeline_meta.invalidation_generation AS bigint CACHE 1
