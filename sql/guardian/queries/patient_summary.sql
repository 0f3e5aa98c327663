-- purpose: what a dashboard shows of a patient, counted from the facts
-- minimum version: 14
-- parameters: patient_id
SELECT
    m.active AS active_medications,
    c.active AS active_conditions,
    c.chronic AS chronic_conditions,
    a.active AS active_allergies,
    a.critical AS critical_allergies,
    l.recent AS recent_labs,
    d.total AS total_documents,
    r.total AS total_relationships,
    r.confidence AS avg_confidence
FROM (
    SELECT count(*) AS active
    FROM guardian.patient_medications
    WHERE patient_id = %(patient_id)s AND status = 'active' AND archived IS NOT TRUE
) AS m
CROSS JOIN (
    SELECT count(*) FILTER (WHERE status = 'active') AS active, count(*) FILTER (WHERE status = 'chronic') AS chronic
    FROM guardian.patient_conditions
    WHERE patient_id = %(patient_id)s AND status IN ('active', 'chronic') AND archived IS NOT TRUE
) AS c
CROSS JOIN (
    SELECT count(*) AS active, count(*) FILTER (WHERE severity >= 'severe') AS critical
    FROM guardian.patient_allergies
    WHERE patient_id = %(patient_id)s AND status = 'active' AND archived IS NOT TRUE
) AS a
CROSS JOIN (
    SELECT count(*) AS recent
    FROM guardian.patient_lab_results
    WHERE patient_id = %(patient_id)s AND measured_at >= now() - interval '90 days' AND archived IS NOT TRUE
) AS l
CROSS JOIN (
    SELECT count(*) AS total
    FROM guardian.documents
    WHERE user_id = %(patient_id)s AND archived IS NOT TRUE
) AS d
CROSS JOIN (
    SELECT count(*) AS total, round(avg(confidence_score), 3) AS confidence
    FROM guardian.medical_data_relationships
    WHERE patient_id = %(patient_id)s AND archived IS NOT TRUE
) AS r
