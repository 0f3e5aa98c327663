-- purpose: the outbox of earlier versions is gone: changes are captured as the target declares (M-25 to M-27)
-- minimum version: 14
DROP FUNCTION IF EXISTS menuca.invalidate_cache() CASCADE;  -- its triggers, too
DROP FUNCTION IF EXISTS menuca.drain_cache_invalidations(integer);
DROP TABLE IF EXISTS menuca.cache_invalidations
