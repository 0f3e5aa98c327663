-- purpose: materialized view guardian.data_quality_metrics: how sure and how well reviewed each table is (G-16)
-- minimum version: 14
CREATE MATERIALIZED VIEW IF NOT EXISTS guardian.data_quality_metrics AS
SELECT
    'patient_medications' AS table_name,
    count(*) AS total_records,
    count(*) FILTER (WHERE requires_review AND archived IS NOT TRUE) AS pending_review,
    count(*) FILTER (WHERE confidence_score < 0.7) AS low_confidence,
    round(avg(confidence_score), 3) AS avg_confidence,
    count(*) FILTER (WHERE archived) AS archived_records,
    max(updated_at) AS last_updated,
    pg_total_relation_size('guardian.patient_medications') AS size_bytes
FROM guardian.patient_medications
UNION ALL
SELECT
    'patient_conditions' AS table_name,
    count(*) AS total_records,
    count(*) FILTER (WHERE requires_review AND archived IS NOT TRUE) AS pending_review,
    count(*) FILTER (WHERE confidence_score < 0.7) AS low_confidence,
    round(avg(confidence_score), 3) AS avg_confidence,
    count(*) FILTER (WHERE archived) AS archived_records,
    max(updated_at) AS last_updated,
    pg_total_relation_size('guardian.patient_conditions') AS size_bytes
FROM guardian.patient_conditions
UNION ALL
SELECT
    'medical_data_relationships' AS table_name,
    count(*) AS total_records,
    count(*) FILTER (WHERE requires_review AND archived IS NOT TRUE) AS pending_review,
    count(*) FILTER (WHERE confidence_score < 0.7) AS low_confidence,
    round(avg(confidence_score), 3) AS avg_confidence,
    count(*) FILTER (WHERE archived) AS archived_records,
    max(updated_at) AS last_updated,
    pg_total_relation_size('guardian.medical_data_relationships') AS size_bytes
FROM guardian.medical_data_relationships;
COMMENT ON MATERIALIZED VIEW guardian.data_quality_metrics IS
    'One row per table of facts: what is to be reviewed, what is less sure than 0.7.';
