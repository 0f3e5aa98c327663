-- purpose: how the facts of a patient hang together
-- minimum version: 14
-- weight: 10
\set patient random(1, :patients)
SELECT relationship_type, source_table, source_id, target_table, target_id, confidence_score
FROM guardian.medical_data_relationships
WHERE patient_id = (SELECT md5('patient ' || :patient::integer)::uuid) AND archived IS NOT TRUE
ORDER BY created_at DESC
LIMIT 100;
