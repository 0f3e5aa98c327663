-- purpose: the relationships that lead from a record
-- minimum version: 14
-- parameters: source_table, source_id
SELECT id, relationship_type, target_table, target_id, confidence_score
FROM guardian.medical_data_relationships
WHERE source_table = %(source_table)s AND source_id = %(source_id)s AND archived IS NOT TRUE
ORDER BY created_at, id
