-- purpose: index idx_rest_reservations_date_time_party: a restaurant's reservations by time (T-14, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: rest.idx_rest_reservations_date_time_party
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_rest_reservations_date_time_party
    ON rest.reservations (business_id, reservation_date, reservation_time, party_size, status);
