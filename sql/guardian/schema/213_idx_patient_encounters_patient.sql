-- purpose: index idx_patient_encounters_patient: a patient's visits, newest first
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_patient_encounters_patient
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patient_encounters_patient
    ON guardian.patient_encounters (patient_id, happened_at DESC)
    WHERE archived IS NOT TRUE;
