-- purpose: triggers dashboard_patient_vitals_*: changes of guardian.patient_vitals queue their patients' dashboards (G-23)
-- minimum version: 14
CREATE OR REPLACE TRIGGER dashboard_patient_vitals_insert
    AFTER INSERT ON guardian.patient_vitals
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_vitals_update
    AFTER UPDATE ON guardian.patient_vitals
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_vitals_delete
    AFTER DELETE ON guardian.patient_vitals
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_vitals_truncate
    AFTER TRUNCATE ON guardian.patient_vitals
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
