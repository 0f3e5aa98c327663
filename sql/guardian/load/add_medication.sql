-- purpose: a medication is prescribed, linked to a condition of the patient, and told to the audit
-- minimum version: 14
-- weight: 8
\set patient random(1, :patients)
WITH prescribed AS (
    INSERT INTO guardian.patient_medications (patient_id, name, confidence_score, started_on)
    VALUES ((SELECT md5('patient ' || :patient::integer)::uuid), 'ibuprofen', 0.9, CURRENT_DATE)
    RETURNING id, patient_id
), linked AS (
    INSERT INTO guardian.medical_data_relationships
        (patient_id, relationship_type, source_table, source_id, target_table, target_id, confidence_score)
    SELECT p.patient_id, 'treats', 'patient_medications', p.id, 'patient_conditions', c.id, 0.8
    FROM prescribed AS p
    CROSS JOIN LATERAL (
        SELECT id
        FROM guardian.patient_conditions
        WHERE patient_id = p.patient_id AND status IN ('active', 'chronic') AND archived IS NOT TRUE
        LIMIT 1
    ) AS c
)
INSERT INTO guardian.audit_log (table_name, record_id, operation, reason, changed_by)
SELECT 'patient_medications', id, 'INSERT', 'prescribed', patient_id
FROM prescribed;
