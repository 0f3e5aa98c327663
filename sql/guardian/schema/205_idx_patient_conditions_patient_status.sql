-- purpose: index idx_patient_conditions_patient_status: a patient's conditions by status (G-07)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_patient_conditions_patient_status
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patient_conditions_patient_status
    ON guardian.patient_conditions (patient_id, status)
    WHERE archived IS NOT TRUE;
