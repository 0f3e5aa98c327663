-- purpose: at most one incident of a cause that is not over
-- minimum version: 14
CREATE UNIQUE INDEX incidents_open ON monitoring.incidents (target, cause) WHERE status <> 'resolved';
