-- purpose: the 20 newest documents with some words
-- minimum version: 14
-- parameters: words (as typed into a search box)
SELECT id, user_id, title, created_at
FROM guardian.documents
WHERE content_vector @@ websearch_to_tsquery('english', %(words)s) AND archived IS NOT TRUE
ORDER BY created_at DESC, id
LIMIT 20
