-- purpose: what became of the first medication of a patient
-- minimum version: 14
-- weight: 5
\set patient random(1, :patients)
SELECT operation, reason, changed_by, changed_at
FROM guardian.audit_log
WHERE table_name = 'patient_medications'
  AND record_id = (
      SELECT id
      FROM guardian.patient_medications
      WHERE patient_id = (SELECT md5('patient ' || :patient::integer)::uuid) AND archived IS NOT TRUE
      LIMIT 1
  )
ORDER BY changed_at DESC
LIMIT 50;
