-- purpose: index idx_medical_relationships_patient: a patient's relationships
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_medical_relationships_patient
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_medical_relationships_patient
    ON guardian.medical_data_relationships (patient_id)
    WHERE archived IS NOT TRUE;
