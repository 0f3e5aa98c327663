-- purpose: the queue that was a table before: what waits in it is asked for anew, and its triggers go
-- minimum version: 14
-- Views read it until they are defined anew, so it is dropped later (373).
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = to_regclass('guardian.cache_invalidation_queue') AND relkind = 'r'
    ) THEN
        PERFORM perf_pipeline_meta.invalidate(q.cache_type, q.patient_id::text, q.reason)
        FROM guardian.cache_invalidation_queue AS q;
        DROP FUNCTION IF EXISTS guardian.queue_dashboard_cache_invalidation() CASCADE;
        ALTER TABLE guardian.cache_invalidation_queue RENAME TO cache_invalidation_queue_before;
    END IF;
END
$$
