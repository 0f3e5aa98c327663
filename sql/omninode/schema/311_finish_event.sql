-- purpose: function omninode.finish_event: the end of a claim, well or with an error (O-17)
-- minimum version: 14
CREATE OR REPLACE FUNCTION omninode.finish_event(
    event_id uuid, event_created_at timestamptz, worker text, error text DEFAULT NULL
)
RETURNS boolean
LANGUAGE sql
AS $$
    WITH finished AS (
        UPDATE omninode.hook_events AS e
        SET processed = error IS NULL,
            retry_count = e.retry_count + (error IS NOT NULL)::integer,
            -- the last ten: an event that fails for ever does not grow for ever
            processing_errors = CASE
                WHEN error IS NULL THEN e.processing_errors
                ELSE (e.processing_errors || error)[greatest(1, cardinality(e.processing_errors) - 8):]
            END,
            claimed_by = NULL,
            claimed_until = NULL,
            updated_at = clock_timestamp()
        WHERE e.id = event_id
          AND e.created_at = event_created_at
          -- whose lease ended and who was overtaken has no say any more
          AND e.claimed_by = worker
          AND NOT e.processed
        RETURNING 1
    )
    SELECT EXISTS (SELECT 1 FROM finished)
$$;
COMMENT ON FUNCTION omninode.finish_event IS
    'Ends a worker''s claim: processed, or one retry more with its error. False if the claim is not its own.';
