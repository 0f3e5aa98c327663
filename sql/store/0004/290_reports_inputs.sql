-- purpose: of a week's or month's report: what the days it tells of were when it was made (perf_mgmt.period_inputs)
-- minimum version: 14
ALTER TABLE perf_mgmt.reports ADD COLUMN inputs text;
