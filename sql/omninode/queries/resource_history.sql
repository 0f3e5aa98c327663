-- purpose: the 50 newest events of a resource
-- minimum version: 14
-- parameters: resource, resource_id
SELECT id, source, action, processed, retry_count, created_at
FROM omninode.hook_events
WHERE resource = %(resource)s AND resource_id = %(resource_id)s
ORDER BY created_at DESC
LIMIT 50
