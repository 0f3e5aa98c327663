-- purpose: index idx_users_active_email: an active account by tenant and address; unique is ours (M-10)
-- minimum version: 14
-- transaction: none
-- index: menuca.idx_users_active_email
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_users_active_email
    ON menuca.users (tenant_id, email)
    WHERE status = 'active';
