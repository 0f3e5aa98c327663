-- purpose: function omninode.cleanup_old_data_optimized: deletes one batch per table of what is too old (O-21 to O-23)
-- minimum version: 14
-- One batch per call, so that each commits alone: the caller goes on while any `more` is true.
CREATE OR REPLACE FUNCTION omninode.cleanup_old_data_optimized(batch_size integer DEFAULT 1000)
RETURNS TABLE (table_name text, deleted bigint, more boolean, elapsed_ms double precision)
LANGUAGE plpgsql
AS $$
DECLARE
    started timestamptz := clock_timestamp();
    gone bigint;
BEGIN
    IF batch_size IS NULL OR batch_size < 1 THEN
        RAISE EXCEPTION 'batch_size is %, not a positive number', batch_size
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WITH old AS (
        SELECT id
        FROM omninode.event_metrics
        WHERE created_at < now() - interval '90 days'
        ORDER BY created_at
        LIMIT batch_size
        FOR UPDATE SKIP LOCKED
    )
    DELETE FROM omninode.event_metrics AS m USING old WHERE m.id = old.id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN QUERY SELECT
        'event_metrics', gone, gone = batch_size, 1000 * extract(epoch FROM clock_timestamp() - started)::double precision;
    started := clock_timestamp();
    -- the event and its id go together, else a replay would find the id and no event
    WITH old AS (
        SELECT id, created_at
        FROM omninode.hook_events
        WHERE processed AND created_at < now() - interval '30 days'
        ORDER BY created_at
        LIMIT batch_size
        FOR UPDATE SKIP LOCKED
    ), events AS (
        DELETE FROM omninode.hook_events AS e
        USING old
        WHERE e.id = old.id AND e.created_at = old.created_at
        RETURNING e.id
    )
    DELETE FROM omninode.hook_event_keys AS k USING events WHERE k.id = events.id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN QUERY SELECT
        'hook_events', gone, gone = batch_size, 1000 * extract(epoch FROM clock_timestamp() - started)::double precision;
END
$$;
COMMENT ON FUNCTION omninode.cleanup_old_data_optimized IS
    'Deletes up to batch_size rows per table: metrics of 90 days, processed events of 30; more says whether to call again.';
