-- purpose: index idx_hs_invoices_business_status_amount: unpaid bills of a tenant (T-12)
-- minimum version: 14
-- transaction: none
-- index: hs.idx_hs_invoices_business_status_amount
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_hs_invoices_business_status_amount
    ON hs.invoices (business_id, status, total_amount, due_date)
    WHERE status IN ('pending', 'overdue');
