-- purpose: index idx_patient_vitals_patient: a patient's vital signs, newest first
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_patient_vitals_patient
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patient_vitals_patient
    ON guardian.patient_vitals (patient_id, measured_at DESC)
    WHERE archived IS NOT TRUE;
