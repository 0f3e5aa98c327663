-- purpose: the least sure relationships to be reviewed
-- minimum version: 14
-- weight: 5
SELECT id, patient_id, relationship_type, source_table, source_id, target_table, target_id, confidence_score
FROM guardian.medical_data_relationships
WHERE requires_review = TRUE AND archived IS NOT TRUE
ORDER BY confidence_score NULLS FIRST, id
LIMIT 50;
