-- purpose: index idx_rest_kitchen_tickets_station_priority: what a station has to do, by priority (T-14)
-- minimum version: 14
-- transaction: none
-- index: rest.idx_rest_kitchen_tickets_station_priority
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_rest_kitchen_tickets_station_priority
    ON rest.kitchen_tickets (kitchen_station_id, priority_level, created_at, status)
    WHERE status IN ('pending', 'in_progress');
