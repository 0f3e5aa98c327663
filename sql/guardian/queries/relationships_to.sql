-- purpose: the relationships that lead to a record
-- minimum version: 14
-- parameters: target_table, target_id
SELECT id, relationship_type, source_table, source_id, confidence_score
FROM guardian.medical_data_relationships
WHERE target_table = %(target_table)s AND target_id = %(target_id)s AND archived IS NOT TRUE
ORDER BY created_at, id
