-- purpose: triggers cache_invalidation_users_*: changes of menuca.users are noted for the caches (M-27)
-- minimum version: 14
CREATE OR REPLACE TRIGGER cache_invalidation_users_insert
    AFTER INSERT ON menuca.users
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_users_update
    AFTER UPDATE ON menuca.users
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_users_delete
    AFTER DELETE ON menuca.users
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_users_truncate
    AFTER TRUNCATE ON menuca.users
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
