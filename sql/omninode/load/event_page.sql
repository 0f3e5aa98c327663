-- purpose: a page of events, up to a week back
-- minimum version: 14
-- weight: 8
\set minutes random(0, 10080)
SELECT id, source, action, resource, resource_id, processed, created_at
FROM omninode.hook_events
WHERE (created_at, id)
    < (now() - make_interval(mins => :minutes::integer), 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
ORDER BY created_at DESC, id DESC
LIMIT 25;
