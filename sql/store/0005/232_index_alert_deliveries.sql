-- purpose: find what is due and not sent
-- minimum version: 14
CREATE INDEX alert_deliveries_due ON monitoring.alert_deliveries (due_at) WHERE sent_at IS NULL;
