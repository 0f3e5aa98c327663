-- purpose: 25 documents of a user, newest first, after the last one of the page before
-- minimum version: 14
-- parameters: user_id, before_created_at ('infinity' for the first page), before_id
SELECT id, title, requires_review, created_at
FROM guardian.documents
WHERE user_id = %(user_id)s
  AND archived IS NOT TRUE
  AND (created_at, id) < (%(before_created_at)s::timestamptz, %(before_id)s::uuid)
ORDER BY created_at DESC, id DESC
LIMIT 25
