-- purpose: a document arrives and waits for its stages
-- minimum version: 14
-- weight: 4
\set patient random(1, :patients)
WITH arrived AS (
    INSERT INTO guardian.documents (user_id, title, content)
    VALUES ((SELECT md5('patient ' || :patient::integer)::uuid), 'letter', 'the patient reports migraine. started treatment with ibuprofen.')
    RETURNING id
)
INSERT INTO guardian.document_processing_stages (document_id, stage)
SELECT id, stage
FROM arrived
CROSS JOIN unnest(ARRAY['read', 'extract', 'review']) AS stage;
