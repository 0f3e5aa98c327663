-- purpose: the newest documents that speak of two things
-- minimum version: 14
-- weight: 8
\set one random(1, 7)
\set other random(1, 7)
SELECT id, user_id, title, created_at
FROM guardian.documents
WHERE content_vector @@ to_tsquery(
    'english',
    (ARRAY['amlodipine', 'metformin', 'ibuprofen', 'ramipril', 'sertraline', 'insulin', 'warfarin'])[:one::integer]
    || ' <-> stopped <-> taking <-> '
    || (ARRAY['hypertension', 'diabetes', 'migraine', 'asthma', 'arthritis', 'anaemia', 'eczema'])[:other::integer]
)
  AND archived IS NOT TRUE
ORDER BY created_at DESC, id
LIMIT 20;
