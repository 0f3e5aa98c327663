-- purpose: table monitoring.business_performance_metrics: one row per tenant and moment of a report of the application (T-37)
-- minimum version: 14
-- Only the application knows whose request it answers: no counter of the server is by tenant.
CREATE TABLE IF NOT EXISTS monitoring.business_performance_metrics (
    business_id bigint NOT NULL REFERENCES tenant_mgmt.businesses (id),
    measured_at timestamptz NOT NULL DEFAULT now(),
    industry tenant_mgmt.industry NOT NULL,
    active_users integer CHECK (active_users >= 0),
    transactions_per_minute double precision CHECK (transactions_per_minute >= 0),
    avg_response_ms double precision CHECK (avg_response_ms >= 0),
    error_percent numeric(6, 3) CHECK (error_percent BETWEEN 0 AND 100),
    cache_hit_percent numeric(6, 3) CHECK (cache_hit_percent BETWEEN 0 AND 100),
    PRIMARY KEY (business_id, measured_at)
);
COMMENT ON TABLE monitoring.business_performance_metrics IS
    'One row per tenant and moment of a report of the application; NULL is what it did not measure.';
