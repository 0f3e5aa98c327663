-- purpose: index idx_user_mgmt_profiles_business_active: active people of a tenant by role (T-11)
-- minimum version: 14
-- transaction: none
-- index: user_mgmt.idx_user_mgmt_profiles_business_active
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_user_mgmt_profiles_business_active
    ON user_mgmt.user_profiles (business_id, is_active, role_level)
    WHERE is_active;
