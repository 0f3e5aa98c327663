-- purpose: index idx_cache_invalidation_queue_queued: what waits longest
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_cache_invalidation_queue_queued
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_cache_invalidation_queue_queued
    ON guardian.cache_invalidation_queue (queued_at);
