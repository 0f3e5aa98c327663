-- purpose: 25 events, newest first, after the last one of the page before
-- minimum version: 14
-- parameters: before_created_at ('infinity' for the first page), before_id
SELECT id, source, action, resource, resource_id, processed, created_at
FROM omninode.hook_events
WHERE (created_at, id) < (%(before_created_at)s::timestamptz, %(before_id)s::uuid)
ORDER BY created_at DESC, id DESC
LIMIT 25
