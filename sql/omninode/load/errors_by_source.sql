-- purpose: events of a source with errors by action
-- minimum version: 14
-- weight: 4
\set kind random(0, 5)
SELECT action, count(*) AS events, sum(array_length(processing_errors, 1)) AS errors
FROM omninode.hook_events
WHERE source = (ARRAY['github', 'gitlab', 'jira', 'slack', 'stripe', 'pipeline'])[:kind::integer + 1]
  AND array_length(processing_errors, 1) > 0
  AND created_at >= now() - interval '30 days'
GROUP BY action
ORDER BY events DESC, action;
