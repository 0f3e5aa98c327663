-- purpose: the newest events of a resource; a few are looked at often
-- minimum version: 14
-- weight: 18
\set resource random_zipfian(1, :resources, 1.1)
SELECT id, source, action, processed, retry_count, created_at
FROM omninode.hook_events
WHERE resource = (ARRAY['repository', 'ticket', 'channel', 'invoice', 'build'])[:resource::integer % 5 + 1]
  AND resource_id = 'r' || :resource::integer
ORDER BY created_at DESC
LIMIT 50;
