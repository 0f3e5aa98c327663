-- purpose: index idx_hook_events_error_analysis: events with errors by source, action and number (O-07)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: omninode.idx_hook_events_error_analysis
CREATE INDEX IF NOT EXISTS idx_hook_events_error_analysis
    ON ONLY omninode.hook_events (source, action, (array_length(processing_errors, 1)))
    WHERE array_length(processing_errors, 1) > 0;
