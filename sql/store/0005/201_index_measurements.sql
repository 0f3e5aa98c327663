-- purpose: find the newest measurement of a metric
-- minimum version: 14
CREATE INDEX measurements_newest ON monitoring.measurements (target, metric, ts DESC);
