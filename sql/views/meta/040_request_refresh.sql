-- purpose: function perf_pipeline_meta.request_refresh: asks for a refresh of a view, within the caller's transaction
-- minimum version: 14
-- The request commits with the data it is about, or not at all. It runs with the caller's rights: those
-- to the columns it needs are granted beside it, and who may not use the schema has none of them.
CREATE OR REPLACE FUNCTION perf_pipeline_meta.request_refresh(view_name regclass, reason text DEFAULT '')
RETURNS bigint
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named text;
    number bigint;
BEGIN
    SELECT n.nspname || '.' || c.relname INTO named
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = request_refresh.view_name
        AND (
            c.relkind = 'm'
            OR EXISTS (
                SELECT FROM perf_pipeline_meta.rollup AS k
                WHERE k.view_name = n.nspname || '.' || c.relname
            )
        );
    IF named IS NULL THEN
        RAISE EXCEPTION '% is neither a materialized view nor kept incrementally', request_refresh.view_name
            USING ERRCODE = 'wrong_object_type';
    END IF;
    INSERT INTO perf_pipeline_meta.mv_refresh_queue (view_name, reason)
    VALUES (named, coalesce(request_refresh.reason, ''))
    RETURNING request_id INTO number;
    RETURN number;
END
$$
