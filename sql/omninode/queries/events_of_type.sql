-- purpose: the 50 newest events whose payload names a type
-- minimum version: 14
-- parameters: type (its first 200 characters)
SELECT id, source, action, created_at
FROM omninode.hook_events
WHERE payload ? 'type' AND left(payload ->> 'type', 200) = %(type)s
ORDER BY created_at DESC
LIMIT 50
