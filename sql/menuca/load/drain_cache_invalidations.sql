-- purpose: a reader takes what caches must forget
-- minimum version: 14
-- weight: 1
-- scope: all tenants: the reader serves them all
SELECT count(*)
FROM menuca.drain_cache_invalidations(1000);
