-- purpose: index idx_patient_allergies_patient: a patient's allergies
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_patient_allergies_patient
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patient_allergies_patient
    ON guardian.patient_allergies (patient_id, status)
    WHERE archived IS NOT TRUE;
