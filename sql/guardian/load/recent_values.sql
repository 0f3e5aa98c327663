-- purpose: the newest values, visits and vital signs of a patient
-- minimum version: 14
-- weight: 14
\set patient random(1, :patients)
SELECT what, said, at
FROM (
    (
        SELECT test_name AS what, value::text AS said, measured_at AS at
        FROM guardian.patient_lab_results
        WHERE patient_id = (SELECT md5('patient ' || :patient::integer)::uuid) AND archived IS NOT TRUE
        ORDER BY measured_at DESC
        LIMIT 10
    )
    UNION ALL
    (
        SELECT 'visit', kind, happened_at
        FROM guardian.patient_encounters
        WHERE patient_id = (SELECT md5('patient ' || :patient::integer)::uuid) AND archived IS NOT TRUE
        ORDER BY happened_at DESC
        LIMIT 10
    )
    UNION ALL
    (
        SELECT 'pulse', pulse::text, measured_at
        FROM guardian.patient_vitals
        WHERE patient_id = (SELECT md5('patient ' || :patient::integer)::uuid) AND archived IS NOT TRUE
        ORDER BY measured_at DESC
        LIMIT 10
    )
) AS recent
ORDER BY at DESC
LIMIT 20;
