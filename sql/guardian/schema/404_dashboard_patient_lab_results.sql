-- purpose: triggers dashboard_patient_lab_results_*: changes of guardian.patient_lab_results queue their patients' dashboards (G-23)
-- minimum version: 14
CREATE OR REPLACE TRIGGER dashboard_patient_lab_results_insert
    AFTER INSERT ON guardian.patient_lab_results
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_lab_results_update
    AFTER UPDATE ON guardian.patient_lab_results
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_lab_results_delete
    AFTER DELETE ON guardian.patient_lab_results
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_patient_lab_results_truncate
    AFTER TRUNCATE ON guardian.patient_lab_results
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
