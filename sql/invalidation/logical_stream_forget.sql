-- purpose: nothing is captured from the write-ahead log any more
-- minimum version: 14
DELETE /* perf-pipeline */ FROM perf_pipeline_meta.invalidation_stream
