-- purpose: find the incidents of a target by when they last changed
-- minimum version: 14
CREATE INDEX incidents_changed ON monitoring.incidents (target, changed_at);
