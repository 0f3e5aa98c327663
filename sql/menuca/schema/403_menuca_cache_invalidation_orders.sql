-- purpose: triggers cache_invalidation_orders_*: changes of menuca.orders are noted for the caches (M-27)
-- minimum version: 14
CREATE OR REPLACE TRIGGER cache_invalidation_orders_insert
    AFTER INSERT ON menuca.orders
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_orders_update
    AFTER UPDATE ON menuca.orders
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_orders_delete
    AFTER DELETE ON menuca.orders
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_orders_truncate
    AFTER TRUNCATE ON menuca.orders
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
