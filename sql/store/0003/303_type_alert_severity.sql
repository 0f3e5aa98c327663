-- purpose: how bad something is, in the words of the described alerts and reports
-- minimum version: 14
CREATE TYPE perf_mgmt.alert_severity_enum AS ENUM ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL');
