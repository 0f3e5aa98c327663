-- purpose: the outbox of earlier versions is gone: orders go to the queue of invalidations (T-30)
-- minimum version: 14
DROP FUNCTION IF EXISTS system_core.drain_cache_invalidations(integer);
DROP TABLE IF EXISTS system_core.cache_invalidations
