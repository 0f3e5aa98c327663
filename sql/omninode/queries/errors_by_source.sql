-- purpose: events with errors since a moment by source and action, most first
-- minimum version: 14
-- parameters: since
SELECT source, action, count(*) AS events, sum(array_length(processing_errors, 1)) AS errors
FROM omninode.hook_events
WHERE array_length(processing_errors, 1) > 0 AND created_at >= %(since)s
GROUP BY source, action
ORDER BY events DESC, source, action
