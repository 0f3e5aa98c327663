-- purpose: the slot that is read, and the limit of what it may hold back
-- minimum version: 14
SELECT /* perf-pipeline */ t.slot, t.limit_bytes, t.gaps, t.gap_at FROM perf_pipeline_meta.invalidation_stream AS t
