-- purpose: index idx_hs_payments_business_date: a tenant's receipts by day (T-12, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: hs.idx_hs_payments_business_date
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_hs_payments_business_date
    ON hs.payments (business_id, payment_date, payment_method);
