-- purpose: find the answers that are not over
-- minimum version: 14
CREATE INDEX alert_responses_waiting ON monitoring.alert_responses (target, asked_at DESC);
