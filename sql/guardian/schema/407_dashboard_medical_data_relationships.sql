-- purpose: triggers dashboard_medical_data_relationships_*: changes of guardian.medical_data_relationships queue their patients' dashboards (G-23)
-- minimum version: 14
CREATE OR REPLACE TRIGGER dashboard_medical_data_relationships_insert
    AFTER INSERT ON guardian.medical_data_relationships
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_medical_data_relationships_update
    AFTER UPDATE ON guardian.medical_data_relationships
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_medical_data_relationships_delete
    AFTER DELETE ON guardian.medical_data_relationships
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
CREATE OR REPLACE TRIGGER dashboard_medical_data_relationships_truncate
    AFTER TRUNCATE ON guardian.medical_data_relationships
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('patient_id');
