-- purpose: triggers dashboard_patient_encounters_*: changes of guardian.patient_encounters queue their patients' dashboards (G-23)
-- minimum version: 14
CREATE OR REPLACE TRIGGER dashboard_patient_encounters_insert
    AFTER INSERT ON guardian.patient_encounters
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_encounters_update
    AFTER UPDATE ON guardian.patient_encounters
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_encounters_delete
    AFTER DELETE ON guardian.patient_encounters
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_encounters_truncate
    AFTER TRUNCATE ON guardian.patient_encounters
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
