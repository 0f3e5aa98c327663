-- purpose: function perf_pipeline_meta.rewrite_invalidation_queue: writes the queue anew without its dead rows, whatever old snapshot is held
-- minimum version: 14
-- Only workers use the table, and its lock is had at once or not at all.
CREATE OR REPLACE FUNCTION perf_pipeline_meta.rewrite_invalidation_queue()
RETURNS bigint
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept perf_pipeline_meta.invalidation_queue[];
BEGIN
    LOCK TABLE perf_pipeline_meta.invalidation_queue IN ACCESS EXCLUSIVE MODE NOWAIT;
    SELECT array_agg(q) INTO kept FROM perf_pipeline_meta.invalidation_queue AS q;
    TRUNCATE perf_pipeline_meta.invalidation_queue;
    INSERT INTO perf_pipeline_meta.invalidation_queue SELECT k.* FROM unnest(kept) AS k;
    RETURN coalesce(cardinality(kept), 0);
END
$$
