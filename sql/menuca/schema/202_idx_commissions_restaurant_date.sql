-- purpose: index idx_commissions_restaurant_date: a restaurant's commissions not yet invoiced, newest first (M-08)
-- minimum version: 14
-- transaction: none
-- index: menuca.idx_commissions_restaurant_date
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_commissions_restaurant_date
    ON menuca.commissions (restaurant_id, calculated_at DESC)
    WHERE status = 'calculated';
