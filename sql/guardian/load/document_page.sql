-- purpose: the newest documents of a patient
-- minimum version: 14
-- weight: 14
\set patient random(1, :patients)
SELECT id, title, requires_review, created_at
FROM guardian.documents
WHERE user_id = (SELECT md5('patient ' || :patient::integer)::uuid) AND archived IS NOT TRUE
ORDER BY created_at DESC, id DESC
LIMIT 25;
