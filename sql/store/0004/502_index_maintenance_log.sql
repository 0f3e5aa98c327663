-- purpose: the newest operations on a target
-- minimum version: 14
CREATE INDEX maintenance_log_target_started ON maintenance.maintenance_log (target, started_at DESC);
