-- purpose: index idx_medical_relationships_source: relationships from a record (G-07)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_medical_relationships_source
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_medical_relationships_source
    ON guardian.medical_data_relationships (source_table, source_id)
    WHERE archived IS NOT TRUE;
