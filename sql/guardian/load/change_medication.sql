-- purpose: an active medication of a patient is stopped, and told to the audit
-- minimum version: 14
-- weight: 8
\set patient random(1, :patients)
WITH stopped AS (
    UPDATE guardian.patient_medications
    SET status = 'stopped', updated_at = now()
    WHERE id = (
        SELECT id
        FROM guardian.patient_medications
        WHERE patient_id = (SELECT md5('patient ' || :patient::integer)::uuid) AND status = 'active' AND archived IS NOT TRUE
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id, patient_id
)
INSERT INTO guardian.audit_log (table_name, record_id, operation, reason, changed_by)
SELECT 'patient_medications', id, 'UPDATE', 'stopped', patient_id
FROM stopped;
