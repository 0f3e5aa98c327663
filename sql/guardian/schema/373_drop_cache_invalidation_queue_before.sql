-- purpose: the queue that was a table before is gone: no view reads it any more
-- minimum version: 14
DROP TABLE IF EXISTS guardian.cache_invalidation_queue_before
