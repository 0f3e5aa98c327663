-- purpose: index idx_rest_order_items_kitchen_routing: dishes a station has to make (T-14)
-- minimum version: 14
-- transaction: none
-- index: rest.idx_rest_order_items_kitchen_routing
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_rest_order_items_kitchen_routing
    ON rest.order_items (kitchen_station_id, status, preparation_time)
    WHERE status IN ('pending', 'preparing');
