-- purpose: triggers cache_invalidation_restaurants_*: changes of menuca.restaurants are noted for the caches (M-27)
-- minimum version: 14
CREATE OR REPLACE TRIGGER cache_invalidation_restaurants_insert
    AFTER INSERT ON menuca.restaurants
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_restaurants_update
    AFTER UPDATE ON menuca.restaurants
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_restaurants_delete
    AFTER DELETE ON menuca.restaurants
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_restaurants_truncate
    AFTER TRUNCATE ON menuca.restaurants
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('tenant_id');
