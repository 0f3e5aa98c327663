-- purpose: index idx_rest_tables_availability: a restaurant's free tables by capacity (T-14)
-- minimum version: 14
-- transaction: none
-- index: rest.idx_rest_tables_availability
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_rest_tables_availability
    ON rest.tables (business_id, is_available, capacity, zone_id)
    WHERE is_available;
