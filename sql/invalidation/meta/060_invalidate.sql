-- purpose: function perf_pipeline_meta.invalidate: an application's own request, within its transaction
-- minimum version: 14
-- Without an entity every one of that cache is meant. It runs with the caller's rights: those to the
-- columns it needs are granted beside it, and who may not use the schema has none of them.
CREATE OR REPLACE FUNCTION perf_pipeline_meta.invalidate(cache_type text, entity text DEFAULT NULL, reason text DEFAULT '')
RETURNS void
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(invalidate.cache_type, '') = '' THEN
        RAISE EXCEPTION 'cache_type is empty' USING
            ERRCODE = 'invalid_parameter_value', HINT = 'name the cache type, as it is declared';
    END IF;
    IF (date_part('epoch', clock_timestamp())::bigint / 60) % 2 = 0 THEN
        INSERT INTO perf_pipeline_meta.invalidation_log_0 (cache_type, entity, reason)
        VALUES (invalidate.cache_type, invalidate.entity, invalidate.reason);
    ELSE
        INSERT INTO perf_pipeline_meta.invalidation_log_1 (cache_type, entity, reason)
        VALUES (invalidate.cache_type, invalidate.entity, invalidate.reason);
    END IF;
END
$$
