-- purpose: the drains of a target by time
-- minimum version: 14
CREATE INDEX invalidation_drains_target ON maintenance.invalidation_drains (target, started_at DESC);
