-- purpose: index idx_ret_daily_sales_summary_business: a shop's days (T-15, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: ret.idx_ret_daily_sales_summary_business
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ret_daily_sales_summary_business
    ON ret.daily_sales_summary (business_id, sales_date, total_revenue);
