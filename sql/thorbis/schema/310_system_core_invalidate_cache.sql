-- purpose: function system_core.invalidate_cache: orders what caches must forget, durably (T-30)
-- minimum version: 14
-- A pattern is a cache type, as the target declares it, with what may stand before and after it in a key:
-- `dashboard:metrics`, `dashboard:metrics:*`, `{industry}:catalog:{business_id}`. A type nobody declares
-- is kept and reported. The order commits with the caller's transaction. Who calls it needs the right to
-- perf_pipeline_meta.invalidate.
DROP FUNCTION IF EXISTS system_core.invalidate_cache(text, bigint);  -- an earlier one returned a number
CREATE FUNCTION system_core.invalidate_cache(pattern text, business bigint DEFAULT NULL)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT perf_pipeline_meta.invalidate(
        regexp_replace(
            regexp_replace(invalidate_cache.pattern, '^\{[^}]*\}:', ''),
            '(:(\*|\{[^}]*\}|[0-9]+))+$',
            ''
        ),
        invalidate_cache.business::text,
        'invalidate_cache'
    )
$$;
COMMENT ON FUNCTION system_core.invalidate_cache(text, bigint) IS
    'Order that caches forget a type of values, of one tenant or of all.';
