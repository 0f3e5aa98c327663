-- purpose: the operations that are not finished, without a scan
-- minimum version: 14
CREATE INDEX maintenance_log_running ON maintenance.maintenance_log (target) WHERE outcome = 'running';
