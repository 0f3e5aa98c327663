-- purpose: unique index of dashboards_by_shard, for concurrent refresh
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_dashboards_by_shard
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_dashboards_by_shard
    ON guardian.dashboards_by_shard (shard_id);
