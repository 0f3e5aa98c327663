-- purpose: index idx_patient_lab_results_patient: a patient's values, newest first
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_patient_lab_results_patient
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patient_lab_results_patient
    ON guardian.patient_lab_results (patient_id, measured_at DESC)
    WHERE archived IS NOT TRUE;
