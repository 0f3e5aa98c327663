-- purpose: the newest word on each finding of a target
-- minimum version: 14
CREATE INDEX feedback_target_finding ON perf_mgmt.feedback (target_id, finding_id, feedback_id DESC);
