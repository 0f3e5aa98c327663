-- purpose: index idx_data_quality_metrics_table: each table once, which a concurrent refresh needs (G-17)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_data_quality_metrics_table
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_data_quality_metrics_table
    ON guardian.data_quality_metrics (table_name);
