-- purpose: finds the oldest entries of a cache type; no column of it changes while an entry waits
-- minimum version: 14
CREATE INDEX IF NOT EXISTS idx_invalidation_queue_first
ON perf_pipeline_meta.invalidation_queue (cache_type, first_queued_at)
