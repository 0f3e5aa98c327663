-- purpose: index idx_medical_relationships_target: relationships to a record (G-07)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_medical_relationships_target
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_medical_relationships_target
    ON guardian.medical_data_relationships (target_table, target_id)
    WHERE archived IS NOT TRUE;
