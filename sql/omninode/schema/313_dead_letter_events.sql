-- purpose: view omninode.dead_letter_events: events that failed ten times (O-17)
-- minimum version: 14
CREATE OR REPLACE VIEW omninode.dead_letter_events AS
SELECT
    id,
    source,
    action,
    retry_count,
    processing_errors[cardinality(processing_errors)] AS last_error,
    created_at
FROM omninode.hook_events
WHERE NOT processed AND retry_count >= 10;
COMMENT ON VIEW omninode.dead_letter_events IS 'One row per event that failed ten times and is tried no more.';
