-- purpose: triggers dashboard_documents_*: changes of guardian.documents queue their patients' dashboards (G-23)
-- minimum version: 14
CREATE OR REPLACE TRIGGER dashboard_documents_insert
    AFTER INSERT ON guardian.documents
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('user_id');
CREATE OR REPLACE TRIGGER dashboard_documents_update
    AFTER UPDATE ON guardian.documents
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('user_id');
CREATE OR REPLACE TRIGGER dashboard_documents_delete
    AFTER DELETE ON guardian.documents
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('user_id');
CREATE OR REPLACE TRIGGER dashboard_documents_truncate
    AFTER TRUNCATE ON guardian.documents
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation('user_id');
