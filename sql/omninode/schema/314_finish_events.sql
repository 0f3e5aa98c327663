-- purpose: function omninode.finish_events: the end of a batch of claims, each well or with its error (O-17)
-- minimum version: 14
-- An event that failed waits before it is tried again: 2, 4, 8 ... seconds, an hour at most. Until
-- then it is claimed by nobody in particular, so that no worker takes it.
CREATE OR REPLACE FUNCTION omninode.finish_events(
    event_ids uuid[], event_created_ats timestamptz[], worker text, errors text[]
)
RETURNS integer
LANGUAGE sql
AS $$
    WITH told AS MATERIALIZED (
        SELECT *
        FROM unnest(event_ids, event_created_ats, errors) AS t (id, created_at, error)
    ), mine AS MATERIALIZED (
        SELECT e.id, e.created_at, told.error
        FROM told
        JOIN omninode.hook_events AS e ON e.id = told.id AND e.created_at = told.created_at
        -- whose lease ended and who was overtaken has no say any more
        WHERE e.claimed_by = worker AND NOT e.processed
        ORDER BY e.id
        FOR NO KEY UPDATE OF e
    ), finished AS (
        UPDATE omninode.hook_events AS e
        SET processed = mine.error IS NULL,
            retry_count = e.retry_count + (mine.error IS NOT NULL)::integer,
            -- the last ten: an event that fails for ever does not grow for ever
            processing_errors = CASE
                WHEN mine.error IS NULL THEN e.processing_errors
                ELSE (e.processing_errors || mine.error)[greatest(1, cardinality(e.processing_errors) - 8):]
            END,
            claimed_by = CASE WHEN mine.error IS NOT NULL THEN 'nobody: waits to be tried again' END,
            claimed_until = CASE
                WHEN mine.error IS NOT NULL
                THEN clock_timestamp() + make_interval(secs => least(3600, 2 ^ least(e.retry_count + 1, 12)))
            END,
            updated_at = clock_timestamp()
        FROM mine
        WHERE e.id = mine.id AND e.created_at = mine.created_at
        RETURNING 1
    )
    SELECT count(*)::integer FROM finished
$$;
COMMENT ON FUNCTION omninode.finish_events IS
    'Ends a worker''s claims: processed, or one retry more with its error. Returns how many were still its own.';
