-- purpose: index idx_patient_medications_patient_status: a patient's medications by status (G-07)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_patient_medications_patient_status
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patient_medications_patient_status
    ON guardian.patient_medications (patient_id, status)
    WHERE archived IS NOT TRUE;
