-- purpose: triggers cache_invalidation_menu_items_*: changes of menuca.menu_items are noted for the caches (M-26)
-- minimum version: 14
CREATE OR REPLACE TRIGGER cache_invalidation_menu_items_insert
    AFTER INSERT ON menuca.menu_items
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_menu_items_update
    AFTER UPDATE ON menuca.menu_items
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_menu_items_delete
    AFTER DELETE ON menuca.menu_items
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_menu_items_truncate
    AFTER TRUNCATE ON menuca.menu_items
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
