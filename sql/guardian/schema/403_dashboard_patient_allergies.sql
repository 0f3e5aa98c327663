-- purpose: triggers dashboard_patient_allergies_*: changes of guardian.patient_allergies queue their patients' dashboards (G-23)
-- minimum version: 14
CREATE OR REPLACE TRIGGER dashboard_patient_allergies_insert
    AFTER INSERT ON guardian.patient_allergies
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_allergies_update
    AFTER UPDATE ON guardian.patient_allergies
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_allergies_delete
    AFTER DELETE ON guardian.patient_allergies
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_allergies_truncate
    AFTER TRUNCATE ON guardian.patient_allergies
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
