-- purpose: triggers cache_invalidation_commissions_*: changes of menuca.commissions are noted for the caches (M-27)
-- minimum version: 14
CREATE OR REPLACE TRIGGER cache_invalidation_commissions_insert
    AFTER INSERT ON menuca.commissions
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('restaurant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_commissions_update
    AFTER UPDATE ON menuca.commissions
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('restaurant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_commissions_delete
    AFTER DELETE ON menuca.commissions
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('restaurant_id');
CREATE OR REPLACE TRIGGER cache_invalidation_commissions_truncate
    AFTER TRUNCATE ON menuca.commissions
    FOR EACH STATEMENT EXECUTE FUNCTION menuca.invalidate_cache('restaurant_id');
